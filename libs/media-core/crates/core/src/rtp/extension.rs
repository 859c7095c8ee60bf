//! Header extension elements in the one-byte and two-byte forms of RFC 8285.

const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
/// Id 15 of the one-byte form ends the block (RFC 8285 §4.2).
const ONE_BYTE_END: u8 = 15;

/// Longest extension block that is written, its 4-byte head included.
pub const MAX_BLOCK_LEN: usize = 256;

/// Iterates over id and value.
pub struct Elements<'a> {
    rest: &'a [u8],
    two_byte: bool,
}

impl<'a> Elements<'a> {
    pub(super) fn none() -> Self {
        Self { rest: &[], two_byte: false }
    }

    pub(super) fn new(profile: u16, block: &'a [u8]) -> Self {
        match profile {
            ONE_BYTE => Self { rest: block, two_byte: false },
            _ if profile & 0xfff0 == TWO_BYTE => Self { rest: block, two_byte: true },
            _ => Self::none(),
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&head, rest) = self.rest.split_first()?;
            self.rest = rest;
            if head == 0 {
                continue;
            }
            let (id, len) = if self.two_byte {
                let (&len, rest) = self.rest.split_first()?;
                self.rest = rest;
                (head, usize::from(len))
            } else {
                (head >> 4, usize::from(head & 0x0f) + 1)
            };
            if (!self.two_byte && id == ONE_BYTE_END) || len > self.rest.len() {
                self.rest = &[];
                return None;
            }
            let (value, rest) = self.rest.split_at(len);
            self.rest = rest;
            return Some((id, value));
        }
    }
}

/// Collects elements and writes them in the smallest form that holds them all.
pub struct ExtensionWriter {
    bytes: [u8; MAX_BLOCK_LEN],
    /// Bytes of the two-byte form gathered so far.
    len: usize,
    needs_two_byte: bool,
}

impl Default for ExtensionWriter {
    fn default() -> Self {
        Self { bytes: [0; MAX_BLOCK_LEN], len: 0, needs_two_byte: false }
    }
}

impl ExtensionWriter {
    /// Adds an element; it is left out if the block would grow beyond its limit.
    pub fn add(&mut self, id: u8, value: &[u8]) {
        let end = self.len + 2 + value.len();
        if id == 0 || value.len() > 255 || end > MAX_BLOCK_LEN - 8 {
            return;
        }
        self.needs_two_byte |= id >= ONE_BYTE_END || value.is_empty() || value.len() > 16;
        self.bytes[self.len] = id;
        self.bytes[self.len + 1] = value.len() as u8;
        self.bytes[self.len + 2..end].copy_from_slice(value);
        self.len = end;
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes head and elements to the start of `out`; the length written, a multiple of 4.
    pub fn write(&self, out: &mut [u8]) -> usize {
        if self.is_empty() {
            return 0;
        }
        let mut at = 4;
        let mut from = 0;
        while from < self.len {
            let (id, len) = (self.bytes[from], usize::from(self.bytes[from + 1]));
            if self.needs_two_byte {
                out[at..at + 2].copy_from_slice(&[id, len as u8]);
                at += 2;
            } else {
                out[at] = id << 4 | (len - 1) as u8;
                at += 1;
            }
            out[at..at + len].copy_from_slice(&self.bytes[from + 2..from + 2 + len]);
            at += len;
            from += 2 + len;
        }
        let end = at.next_multiple_of(4);
        out[at..end].fill(0);
        let profile = if self.needs_two_byte { TWO_BYTE } else { ONE_BYTE };
        out[..2].copy_from_slice(&profile.to_be_bytes());
        out[2..4].copy_from_slice(&(((end - 4) / 4) as u16).to_be_bytes());
        end
    }
}
