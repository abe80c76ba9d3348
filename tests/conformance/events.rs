//! Devices that go down, lose their carrier or vanish (C-086 to C-090, T-33, T-34).
