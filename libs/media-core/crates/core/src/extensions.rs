//! Header extensions by URI (RFC 8285 §5): those the relay reads or writes itself, and what is passed through.

use crate::command::Extension;

/// RFC 9143.
pub const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// RFC 8852.
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
/// RFC 8852.
const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
/// draft-holmer-rmcat-transport-wide-cc-extensions-01.
pub const TRANSPORT_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// Absolute send time.
const ABS_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

/// These describe one hop; passed on they would be wrong.
const ONE_HOP: [&str; 5] = [MID, RID, REPAIRED_RID, TRANSPORT_CC, ABS_SEND_TIME];

/// The id of a URI.
#[must_use]
pub fn id_of(extensions: &[Extension], uri: &str) -> Option<u8> {
    extensions.iter().find(|(found, _)| found == uri).map(|(_, id)| *id)
}

/// From each id of the publisher to the player's id of the same URI; 0 where it is not passed on.
#[must_use]
pub fn forwarded_ids(publisher: &[Extension], player: &[Extension]) -> [u8; 256] {
    let mut map = [0; 256];
    for (uri, id) in publisher.iter().filter(|(uri, _)| !ONE_HOP.contains(&uri.as_str())) {
        map[usize::from(*id)] = id_of(player, uri).unwrap_or(0);
    }
    map
}
