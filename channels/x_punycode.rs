//! How long a part of a domain is when it is written in plain letters (RFC 3492). Pure.

/// The longest part that a domain can have.
pub(crate) const LONGEST: usize = 63;

/// How long a part is when it is written in plain letters. Other dots than ours part it once more.
pub(crate) fn length(part: &[u16]) -> usize {
    let parts: Vec<_> = part.split(|c| matches!(*c, 0x3002 | 0xff0e | 0xff61)).collect();
    let lengths = parts
        .iter()
        .map(|p| if p.iter().all(|c| (0x20..=0x7e).contains(c)) { p.len() } else { 4 + punycode_length(p) });
    lengths.sum::<usize>() + parts.len() - 1
}

/// The length of the punycode; more than any part may have where it is not worth working out.
fn punycode_length(part: &[u16]) -> usize {
    let points: Vec<u32> = char::decode_utf16(part.iter().copied())
        .map(|c| c.map_or_else(|half| u32::from(half.unpaired_surrogate()), u32::from))
        .collect();
    if points.len() > LONGEST {
        return points.len();
    }
    let basic = points.iter().filter(|p| **p < 0x80).count();
    let mut length = basic + usize::from(basic > 0);
    let (mut n, mut delta, mut bias, mut handled) = (0x80_u32, 0_u32, 72_u32, basic);
    while handled < points.len() {
        let next = points.iter().copied().filter(|p| *p >= n).min().unwrap_or(n);
        delta += (next - n) * (u32::try_from(handled).unwrap_or(0) + 1);
        n = next;
        for point in &points {
            delta += u32::from(*point < n);
            if *point == n {
                length += digits(delta, bias);
                let total = u32::try_from(handled + 1).unwrap_or(1);
                bias = adapted(delta, total, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    length
}

fn digits(delta: u32, bias: u32) -> usize {
    let (mut rest, mut k, mut count) = (delta, 36_u32, 1);
    loop {
        let t = k.saturating_sub(bias).clamp(1, 26);
        if rest < t {
            return count;
        }
        rest = (rest - t) / (36 - t);
        k += 36;
        count += 1;
    }
}

fn adapted(delta: u32, total: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / total;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_long_as_they_are_written() {
        for (part, written) in [
            ("bank", "bank"),
            ("bücher", "xn--bcher-kva"),
            ("例え", "xn--r8jz45g"),
            ("ελ", "xn--qxam"),
            ("münchen-ost", "xn--mnchen-ost-9db"),
            ("😀", "xn--e28h"),
        ] {
            let units: Vec<u16> = part.encode_utf16().collect();
            assert_eq!(length(&units), written.len(), "{part}");
        }
        let long: Vec<u16> = "字".repeat(64).encode_utf16().collect();
        assert!(length(&long) > LONGEST);
    }
}
