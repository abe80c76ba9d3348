use super::*;

#[test]
fn numbers_are_those_of_the_c_library() {
    for (text, value) in [
        ("0", Some(0)),
        ("017", Some(15)),
        ("0x1F", Some(31)),
        (" 5", Some(5)),
        ("+5", Some(5)),
        ("4294967295", Some(u32::MAX)),
        ("4294967296", None),
        ("-1", None),
        // Negation happens within 64 bits.
        ("-18446744073709551615", Some(1)),
        ("99999999999999999999", None),
        ("", None),
        ("x", None),
        ("5x", None),
        ("08", None),
        ("0x", None),
    ] {
        assert_eq!(get_u32(text, 0), value, "{text}");
    }
    assert_eq!(get_u64("-1", 0), Some(u64::MAX));
    assert_eq!(get_u16("65536", 0), None);
    assert_eq!(get_u8("0x10", 10), None);
    assert_eq!(get_s32("-5", 0), Some(-5));
    assert_eq!(get_s32("2147483648", 0), None);
    assert_eq!(get_s32("--5", 0), None);
}

#[test]
fn scanned_ranges_are_decimal_and_ignore_what_follows() {
    assert_eq!(scan_range("80-90"), (Some(80), Some(90)));
    assert_eq!(scan_range("80-90junk"), (Some(80), Some(90)));
    assert_eq!(scan_range("80-"), (Some(80), None));
    assert_eq!(scan_range("80x-90"), (Some(80), None));
    assert_eq!(scan_range("0x50"), (Some(0), None));
    assert_eq!(scan_range("a"), (None, None));
}

#[test]
fn ipv4_addresses_are_filled_up_with_zeros_at_the_end() {
    let addr = |text: &str| addr_1(text, Af::Unspec).and_then(|a| a.ip).map(|ip| ip.to_string());
    for (text, expected) in [
        ("10.1", Some("10.1.0.0")),
        ("10", Some("10.0.0.0")),
        ("0x0a.010.1.2", Some("10.8.1.2")),
        ("1.2.3.4", Some("1.2.3.4")),
        ("001.2.3.4", Some("1.2.3.4")),
        ("1.2.3.256", None),
        ("1.2.3.4.5", None),
        ("1.2.3.", None),
        ("1..2", None),
        ("", None),
        ("2001:db8::1", Some("2001:db8::1")),
        ("2001:db8::1%eth0", None),
    ] {
        assert_eq!(addr(text).as_deref(), expected, "{text}");
    }
    assert!(addr_1("1.2.3.4", Af::Inet6).is_none());
    assert!(addr_1("::1", Af::Inet).is_none());
    assert!(addr_1("::1", Af::Bridge).is_none());
}

#[test]
fn prefixes_take_lengths_and_masks() {
    let bits = |text: &str| prefix_1(text, Af::Unspec).map(|a| (a.bits, a.specified));
    for (text, expected) in [
        ("10/8", Some((8, true))),
        ("10.0.0.1", Some((32, false))),
        ("10.0.0.0/255.255.0.0", Some((16, true))),
        ("10.0.0.0/255.0.255.0", None),
        ("10.0.0.0/0x10", Some((16, true))),
        ("10.0.0.0/33", None),
        ("10.0.0.0/", None),
        ("::/0", Some((0, true))),
        ("::/129", None),
        ("default", Some((0, true))),
        ("any", Some((0, false))),
        ("default/8", None),
    ] {
        assert_eq!(bits(text), expected, "{text}");
    }
    let default = prefix_1("default", Af::Inet6).unwrap();
    assert_eq!((default.family, default.ip.map(|ip| ip.to_string())), (Af::Inet6, Some("::".into())));
    assert_eq!(prefix_1("any", Af::Inet).unwrap().ip, None);
}

#[test]
fn address_errors_name_the_family() {
    let message = |family| get_prefix("x", family).unwrap_err().message;
    assert_eq!(message(Af::Unspec), "Error: any valid prefix is expected rather than \"x\".\n");
    assert_eq!(message(Af::Inet), "Error: inet prefix is expected rather than \"x\".\n");
    let failure = get_addr("x", Af::Inet6).unwrap_err();
    assert_eq!(failure.message, "Error: inet6 address is expected rather than \"x\".\n");
    assert_eq!((failure.ends, failure.status), (true, 1));
}

#[test]
fn times_are_milliseconds_rounded_up() {
    for (text, expected) in [
        ("5", Some((5, true))),
        ("100ms", Some((100, false))),
        ("1s", Some((1000, false))),
        ("1.5SEC", Some((1500, false))),
        ("0.2ms", Some((1, false))),
        ("1.0001", Some((2, true))),
        // An overflow of the C code's conversion, on the way it goes.
        ("-1", Some((1, true))),
        ("-1.5", None),
        ("5x", None),
        ("1e3", None),
        ("s", None),
        (".s", None),
    ] {
        assert_eq!(time_rtt(text), expected, "{text}");
    }
}

#[test]
fn device_names_are_checked() {
    assert!(is_ifname("eth0") && is_ifname("123456789012345"));
    assert!(!is_ifname("1234567890123456") && is_altname("1234567890123456"));
    for name in ["", "a/b", "a b", "a\tb"] {
        assert!(!is_ifname(name), "{name}");
    }
}

#[test]
fn lists_of_choices_are_abbreviated_and_told() {
    assert_eq!(one_of("x", "of", &["off", "on"]), Ok(0));
    assert_eq!(one_of("x", "on", &["off", "on"]), Ok(1));
    let error = one_of("x", "y", &["off", "on"]).unwrap_err();
    assert_eq!(error, "Error: argument of \"x\" must be one of \"off\", \"on\", not \"y\"");
}

#[test]
fn words_of_any_bytes_are_only_refused() {
    let mut rng = fingerpost_net::Rng::new(7);
    for _ in 0..20_000 {
        let len = rng.below(12) as usize;
        let alphabet =
            ['0', '1', '9', 'x', '.', ':', '/', '-', ' ', 'a', 'f', 'e', '\u{e9}', '\u{0}', 's', 'm'];
        let text: String = (0..len).map(|_| alphabet[rng.below(16) as usize]).collect();
        for family in [Af::Unspec, Af::Inet, Af::Inet6] {
            if let Some(addr) = prefix_1(&text, family) {
                assert!(addr.bits <= 128);
            }
        }
        let _ = (get_u32(&text, 0), get_s32(&text, 16), time_rtt(&text), scan_range(&text));
    }
}
