//! A call of clients, encoded once per protocol however many receive it.

use std::sync::Arc;

use bytes::Bytes;

use crate::Error;
use crate::protocol::{Arguments, Frame, Invocation, Message, Protocol, json_to_messagepack};

/// A call of a client method in both protocols. Cloning shares the bytes.
#[derive(Clone, Debug)]
pub struct SerializedInvocation {
    json: Frame,
    messagepack: Frame,
    invocation_id: Option<Arc<str>>,
}

impl SerializedInvocation {
    /// Encodes a call that wants no answer.
    ///
    /// # Errors
    /// An argument cannot be expressed in a protocol.
    pub fn new(target: &str, arguments: impl Arguments) -> Result<Self, Error> {
        Self::encode(target, &arguments, None)
    }

    /// Encodes a call that one client answers.
    ///
    /// # Errors
    /// As [`SerializedInvocation::new`].
    pub fn with_id(target: &str, arguments: impl Arguments, invocation_id: &str) -> Result<Self, Error> {
        Self::encode(target, &arguments, Some(invocation_id))
    }

    fn encode(target: &str, arguments: &impl Arguments, id: Option<&str>) -> Result<Self, Error> {
        let frame = |protocol: Protocol| {
            protocol.encode(&Message::Invocation(Invocation {
                invocation_id: id.map(str::to_owned),
                target: target.to_owned(),
                arguments: arguments.encode(protocol)?,
                stream_ids: Vec::new(),
            }))
        };
        Ok(Self {
            json: frame(Protocol::Json)?,
            messagepack: frame(Protocol::MessagePack)?,
            invocation_id: id.map(Arc::from),
        })
    }

    /// A call that another server encoded: the complete hub messages, record separator and length prefix included.
    /// A MessagePack form that is missing is made from the JSON form.
    ///
    /// # Errors
    /// There is no JSON form, or it is needed and is no invocation.
    pub fn from_blobs(
        json: Option<&[u8]>,
        messagepack: Option<&[u8]>,
        invocation_id: Option<&str>,
    ) -> Result<Self, Error> {
        let json = json.ok_or_else(|| Error::Decode("the message has no JSON form".to_owned()))?;
        let translated;
        let messagepack = match messagepack {
            Some(blob) => blob,
            None => {
                translated = json_to_messagepack(json)?;
                &translated
            }
        };
        Ok(Self {
            json: Frame::new(Protocol::Json, json, true),
            messagepack: Frame::new(Protocol::MessagePack, messagepack, true),
            invocation_id: invocation_id.map(Arc::from),
        })
    }

    /// The complete hub message in that protocol.
    pub fn blob(&self, protocol: Protocol) -> Bytes {
        self.frame(protocol).payload()
    }

    /// The id that the client's answer will carry, if one is wanted.
    pub fn invocation_id(&self) -> Option<&str> {
        self.invocation_id.as_deref()
    }

    pub(crate) fn frame(&self, protocol: Protocol) -> &Frame {
        match protocol {
            Protocol::Json => &self.json,
            Protocol::MessagePack => &self.messagepack,
        }
    }
}
