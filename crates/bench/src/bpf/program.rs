//! The program that looks up, and the small assembler that it is written in.

use std::os::fd::{AsRawFd, OwnedFd};

use super::PARAMETERS;

/// Questions in one run of the program: as many as the kernel's checks of loops take easily.
pub const PER_RUN: usize = 64;

/// Looks up the next [`PER_RUN`] slots from the cursor on, or as many as are left.
pub fn lookups(cursor: &OwnedFd, slots: &OwnedFd, flags: u32) -> Vec<u64> {
    use Register::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};
    /// On the stack: an element's number, and its address.
    const NUMBER: i16 = -4;
    const ELEMENT: i16 = -16;
    let mut code = Assembler::default();
    code.copy(R6, R1); // the context
    code.store_value(R10, NUMBER, 0);
    code.element(cursor, NUMBER);
    let no_cursor = code.jump_if_zero(R0);
    code.copy(R7, R0);
    code.load(R8, R7, 0);
    code.set(R9, 0);
    let next = code.here();
    code.store(R10, NUMBER, R8);
    code.element(slots, NUMBER);
    let no_more = code.jump_if_zero(R0);
    code.store_long(R10, ELEMENT, R0);
    code.copy(R1, R6);
    code.copy(R2, R0);
    code.set(R3, PARAMETERS as i32);
    code.set(R4, flags as i32);
    code.call(FIB_LOOKUP);
    code.load_long(R1, R10, ELEMENT);
    code.store(R1, PARAMETERS as i16, R0);
    code.add(R8, 1);
    code.add(R9, 1);
    code.jump_back_if_less(R9, PER_RUN as i32, next);
    code.land(no_more);
    code.store(R7, 0, R8);
    code.land(no_cursor);
    code.set(R0, XDP_PASS);
    code.exit();
    code.words
}

/// Registers: R0 holds what a call returns, R1 to R5 what it is given, R6 to
/// R9 outlast it, R10 is the end of the stack.
#[derive(Clone, Copy)]
enum Register {
    R0,
    R1,
    R2,
    R3,
    R4,
    R6 = 6,
    R7,
    R8,
    R9,
    R10,
}

/// Instructions of the BPF instruction set (RFC 9669): eight bytes each, the operation first.
#[derive(Default)]
struct Assembler {
    words: Vec<u64>,
}

/// A jump that does not know yet where to.
struct Jump(usize);

impl Assembler {
    fn emit(&mut self, operation: u8, to: u8, from: u8, offset: i16, value: i32) {
        let [low, high] = offset.to_ne_bytes();
        let [a, b, c, d] = value.to_ne_bytes();
        let registers = if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
        self.words.push(u64::from_ne_bytes([operation, registers, low, high, a, b, c, d]));
    }

    fn set(&mut self, to: Register, value: i32) {
        self.emit(SET, to as u8, 0, 0, value);
    }

    fn copy(&mut self, to: Register, from: Register) {
        self.emit(COPY, to as u8, from as u8, 0, 0);
    }

    fn add(&mut self, to: Register, value: i32) {
        self.emit(ADD, to as u8, 0, 0, value);
    }

    fn load(&mut self, to: Register, base: Register, offset: i16) {
        self.emit(LOAD, to as u8, base as u8, offset, 0);
    }

    fn load_long(&mut self, to: Register, base: Register, offset: i16) {
        self.emit(LOAD_LONG, to as u8, base as u8, offset, 0);
    }

    fn store(&mut self, base: Register, offset: i16, from: Register) {
        self.emit(STORE, base as u8, from as u8, offset, 0);
    }

    fn store_long(&mut self, base: Register, offset: i16, from: Register) {
        self.emit(STORE_LONG, base as u8, from as u8, offset, 0);
    }

    fn store_value(&mut self, base: Register, offset: i16, value: i32) {
        self.emit(STORE_VALUE, base as u8, 0, offset, value);
    }

    fn call(&mut self, helper: i32) {
        self.emit(CALL, 0, 0, 0, helper);
    }

    fn exit(&mut self) {
        self.emit(EXIT, 0, 0, 0, 0);
    }

    /// R0: the address of an array's element, whose number is on the stack; or zero.
    fn element(&mut self, array: &OwnedFd, number: i16) {
        // A constant of 64 bits takes two instructions' room.
        self.emit(SET_LONG, Register::R1 as u8, IS_MAP, 0, array.as_raw_fd());
        self.emit(0, 0, 0, 0, 0);
        self.copy(Register::R2, Register::R10);
        self.add(Register::R2, number.into());
        self.call(MAP_LOOKUP);
    }

    fn jump_if_zero(&mut self, register: Register) -> Jump {
        self.emit(JUMP_IF_EQUAL, register as u8, 0, 0, 0);
        Jump(self.words.len() - 1)
    }

    /// Here is where a jump goes.
    fn land(&mut self, jump: Jump) {
        let distance = (self.words.len() - jump.0 - 1) as u16;
        let mut bytes = self.words[jump.0].to_ne_bytes();
        bytes[2..4].copy_from_slice(&distance.to_ne_bytes());
        self.words[jump.0] = u64::from_ne_bytes(bytes);
    }

    fn here(&self) -> usize {
        self.words.len()
    }

    fn jump_back_if_less(&mut self, register: Register, than: i32, place: usize) {
        let distance = (self.words.len() + 1 - place) as i16;
        self.emit(JUMP_IF_LESS, register as u8, 0, -distance, than);
    }
}

// Helpers.
const MAP_LOOKUP: i32 = 1;
const FIB_LOOKUP: i32 = 69;

/// What the program returns, as one of its kind has to.
const XDP_PASS: i32 = 2;

// Operations: class, width or source of the operand, and what is done.
const SET_LONG: u8 = 0x18;
/// In the source's place of [`SET_LONG`]: the value is a map's descriptor.
const IS_MAP: u8 = 1;
const LOAD: u8 = 0x61;
const LOAD_LONG: u8 = 0x79;
const STORE_VALUE: u8 = 0x62;
const STORE: u8 = 0x63;
const STORE_LONG: u8 = 0x7b;
const ADD: u8 = 0x07;
const SET: u8 = 0xb7;
const COPY: u8 = 0xbf;
const JUMP_IF_EQUAL: u8 = 0x15;
const JUMP_IF_LESS: u8 = 0xa5;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
