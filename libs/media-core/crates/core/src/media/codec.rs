//! Where keyframes begin: the only thing that forwarding wants to know of a payload.

use crate::command::Codec;

const H264_IDR: u8 = 5;
const H264_SPS: u8 = 7;
const H264_STAP_A: u8 = 24;
const H264_FU_A: u8 = 28;

/// Whether the payload holds the first bytes of a keyframe. Always false for codecs that are not understood.
#[must_use]
pub fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Vp8 => vp8(payload).unwrap_or(false),
        Codec::H264 => h264(payload).unwrap_or(false),
        Codec::Opus | Codec::Other => false,
    }
}

/// RFC 7741 §4.2: a descriptor of variable length, then, at the start of the first partition, the frame header whose
/// lowest bit is 0 in keyframes.
fn vp8(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    let starts_first_partition = first & 0x10 != 0 && first & 0x07 == 0;
    let mut at = 1;
    if first & 0x80 != 0 {
        let extended = *payload.get(at)?;
        at += 1;
        if extended & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(extended & 0x40 != 0) + usize::from(extended & 0x30 != 0);
    }
    Some(starts_first_partition && payload.get(at)? & 1 == 0)
}

/// RFC 6184: a sequence parameter set or an IDR slice, alone, in an aggregate, or at the start of a fragment.
fn h264(payload: &[u8]) -> Option<bool> {
    match payload.first()? & 0x1f {
        H264_STAP_A => h264_aggregate(&payload[1..]),
        H264_FU_A => {
            let header = *payload.get(1)?;
            Some(header & 0x80 != 0 && is_key_unit(header & 0x1f))
        }
        unit => Some(is_key_unit(unit)),
    }
}

fn h264_aggregate(mut rest: &[u8]) -> Option<bool> {
    while rest.len() > 2 {
        let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        if is_key_unit(rest[2] & 0x1f) {
            return Some(true);
        }
        rest = rest.get(2 + len..)?;
    }
    Some(false)
}

fn is_key_unit(unit: u8) -> bool {
    matches!(unit, H264_IDR | H264_SPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp8_keyframes_start_with_their_first_partition() {
        for (payload, expected) in [
            (&[0x10, 0x00][..], true),
            (&[0x10, 0x01], false),                           // an interframe
            (&[0x00, 0x00], false),                           // not the start of a partition
            (&[0x11, 0x00], false),                           // another partition
            (&[0x90, 0x80, 0x81, 0x02, 0x00], true),          // 15-bit picture id
            (&[0x90, 0x80, 0x01, 0x00], true),                // 7-bit picture id
            (&[0x90, 0xe0, 0x81, 0x02, 5, 0x40, 0x00], true), // picture id, TL0PICIDX, TID
            (&[0x90, 0xe0, 0x81], false),                     // cut off
            (&[], false),
        ] {
            assert_eq!(starts_keyframe(Codec::Vp8, payload), expected, "{payload:x?}");
        }
    }

    #[test]
    fn h264_keyframes_are_parameter_sets_and_idr_slices() {
        for (payload, expected) in [
            (&[0x67, 1][..], true),
            (&[0x65, 1], true),
            (&[0x41, 1], false),
            (&[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1], true), // STAP-A with a parameter set
            (&[0x78, 0, 2, 0x41, 1, 0, 2, 0x41, 1], false),
            (&[0x78, 0, 9, 0x41, 1], false), // a length beyond the end
            (&[0x7c, 0x85, 1], true),        // FU-A, first fragment of an IDR slice
            (&[0x7c, 0x05, 1], false),
            (&[], false),
        ] {
            assert_eq!(starts_keyframe(Codec::H264, payload), expected, "{payload:x?}");
        }
    }
}
