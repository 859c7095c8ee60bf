//! What happens to media between a publisher and its players.
//!
//! A `Track` receives: it counts, finds losses and keeps the last packets in a `Ring`. A `Sink` sends: it decides,
//! renumbers, and remembers where in the ring each packet lies that its player may ask for again.

mod codec;
mod history;
mod keyframe;
mod loss;
mod reception;
mod renumber;
mod ring;
mod sink;
mod track;

pub use codec::starts_keyframe;
pub use keyframe::{KeyframeRequests, REQUEST_INTERVAL_US};
pub use loss::LossList;
pub use reception::{Reception, SenderClock};
pub use renumber::{Continuation, Numbers, Renumbering};
pub use ring::{Entry, Ring};
pub use sink::{SendContext, Sink};
pub use track::{Role, Track};
