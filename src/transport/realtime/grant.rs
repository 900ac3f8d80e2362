//! What a caller may do, and where: conversation, shape and configuration of a session. It opens none.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::realtime::Shape;

/// How a session is to begin.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Grant {
    /// What the user calls the conversation; a new one when it is not said.
    pub(super) conversation: Option<String>,
    /// The older shape is spoken.
    pub(super) older: bool,
    /// The session's configuration, as the client wrote it.
    pub(super) session: Map<String, Value>,
}

impl Grant {
    pub(super) fn shape(&self) -> Shape {
        if self.older { Shape::Older } else { Shape::Settled }
    }
}
