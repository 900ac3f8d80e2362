//! What a caller may do, and where: conversation, shape and configuration of a session. It opens none.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::realtime::Shape;

/// How a session is to begin.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::transport) struct Grant {
    /// What the user calls the conversation; a new one when it is not said.
    pub(in crate::transport) conversation: Option<String>,
    /// The older shape is spoken.
    pub(in crate::transport) older: bool,
    /// The session's configuration, as the client wrote it.
    pub(in crate::transport) session: Map<String, Value>,
}

impl Grant {
    pub(in crate::transport) fn shape(&self) -> Shape {
        if self.older { Shape::Older } else { Shape::Settled }
    }
}
