//! From the arguments of a call to the parameters of a hub method.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use super::HubError;
use crate::connection::UploadItem;
use crate::protocol::Payload;

/// The parameters of a hub method: a tuple, each a value or an [`Upload`].
pub trait FromArguments: Sized + Send + 'static {
    /// Takes them from a call.
    ///
    /// # Errors
    /// A wrong number of arguments, or one of another type.
    fn from_arguments(reader: &mut ArgumentReader) -> Result<Self, BindError>;
}

/// One parameter of a hub method.
pub trait Argument: Sized + Send + 'static {
    /// Whether it is a stream of the client rather than a value.
    const IS_UPLOAD: bool;

    /// Takes it from a call whose numbers of arguments and streams are known to fit.
    ///
    /// # Errors
    /// It is of another type.
    fn take(reader: &mut ArgumentReader) -> Result<Self, BindError>;
}

/// A call does not fit the parameters of the method. The text is shown to clients in detailed mode only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BindError(String);

/// The arguments and uploads of a call that were not taken yet.
#[derive(Debug)]
pub struct ArgumentReader {
    values: VecDeque<Payload>,
    uploads: VecDeque<mpsc::Receiver<UploadItem>>,
}

impl ArgumentReader {
    pub(crate) fn new(values: Vec<Payload>, uploads: Vec<mpsc::Receiver<UploadItem>>) -> Self {
        Self { values: values.into(), uploads: uploads.into() }
    }

    fn expect(&self, values: usize, uploads: usize) -> Result<(), BindError> {
        let (given, streams) = (self.values.len(), self.uploads.len());
        if given != values {
            return Err(BindError(format!(
                "Invocation provides {given} argument(s) but target expects {values}."
            )));
        }
        if streams != uploads {
            return Err(BindError(format!("Client sent {streams} stream(s), Hub method expects {uploads}.")));
        }
        Ok(())
    }
}

impl<T: DeserializeOwned + Send + 'static> Argument for T {
    const IS_UPLOAD: bool = false;

    fn take(reader: &mut ArgumentReader) -> Result<Self, BindError> {
        let value =
            reader.values.pop_front().ok_or_else(|| BindError("an argument is missing".to_owned()))?;
        value.decode().map_err(|error| {
            BindError(format!("Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked. {error}"))
        })
    }
}

/// A stream that the client sends. It ends when the client says so, and when the connection ends.
#[derive(Debug)]
pub struct Upload<T> {
    items: mpsc::Receiver<UploadItem>,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + 'static> Argument for Upload<T> {
    const IS_UPLOAD: bool = true;

    fn take(reader: &mut ArgumentReader) -> Result<Self, BindError> {
        let items = reader.uploads.pop_front().ok_or_else(|| BindError("a stream is missing".to_owned()))?;
        Ok(Self { items, item: PhantomData })
    }
}

impl<T: DeserializeOwned> Stream for Upload<T> {
    type Item = Result<T, HubError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.poll_recv(context).map(|item| {
            Some(match item? {
                UploadItem::Item(payload) => payload.decode().map_err(HubError::from),
                UploadItem::Failed(error) => Err(HubError::new(error)),
            })
        })
    }
}

impl FromArguments for () {
    fn from_arguments(reader: &mut ArgumentReader) -> Result<Self, BindError> {
        reader.expect(0, 0)
    }
}

macro_rules! tuple_from_arguments {
    ($($name:ident)*) => {
        impl<$($name: Argument),*> FromArguments for ($($name,)*) {
            fn from_arguments(reader: &mut ArgumentReader) -> Result<Self, BindError> {
                let kinds = [$($name::IS_UPLOAD),*];
                let uploads = kinds.into_iter().filter(|is_upload| *is_upload).count();
                reader.expect(kinds.len() - uploads, uploads)?;
                Ok(($($name::take(reader)?,)*))
            }
        }
    };
}

tuple_from_arguments!(A);
tuple_from_arguments!(A B);
tuple_from_arguments!(A B C);
tuple_from_arguments!(A B C D);
tuple_from_arguments!(A B C D E);
tuple_from_arguments!(A B C D E F);
tuple_from_arguments!(A B C D E F G);
tuple_from_arguments!(A B C D E F G H);
