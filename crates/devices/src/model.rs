//! The models by name.

use crate::card::Card;
use crate::described::{BadDescription, Described, bad};
use crate::device::Device;
use crate::dma_card::DmaCard;
use crate::far_side::Instead;
use crate::fifo_card::{FifoCard, Streams};
use crate::i8255x::Controller;
use std::sync::Arc;

/// What a card of streams is called.
const STREAMS: &str = "fifo-card";

type Make = fn() -> Box<dyn Device>;

/// Name, what it is, and how it is made.
pub const MODELS: &[(&str, &str, Make)] = &[
    ("bench", "registers and an interrupt line", || Box::new(Card::default())),
    ("bench-msi", "the same with a message instead of the line", || Box::new(Card::with_message())),
    ("dma", "copies memory by scatter/gather, signals messages", || Box::new(DmaCard::default())),
    (STREAMS, "streams that a driver shows as files", || Box::new(FifoCard::default())),
    ("8255x", "Intel 8255x fast Ethernet controller", || Box::new(Controller::default())),
];

/// A kind of device, of which any number can be made.
#[derive(Clone, Debug)]
pub enum Model {
    /// One of [`MODELS`], by number.
    Known(usize),
    /// One that a file describes, and what stands in that.
    Described(Arc<Described>, Arc<str>),
    /// A card of streams that a file describes.
    Streams(Arc<CardOfStreams>),
}

/// The streams of a `fifo-card`, read from a text, and that.
#[derive(Debug)]
pub struct CardOfStreams(Arc<Streams>, String);

/// The model of [`MODELS`] that a description builds upon, if it says one.
fn model_of(text: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Head {
        model: Option<String>,
    }
    toml::from_str::<Head>(text).ok()?.model
}

impl Default for Model {
    fn default() -> Model {
        Model::Known(0)
    }
}

impl Model {
    /// The model of this name.
    pub fn by_name(name: &str) -> Option<Model> {
        MODELS.iter().position(|(known, ..)| *known == name).map(Model::Known)
    }

    /// The model that this text in TOML describes.
    ///
    /// # Errors
    /// What is wrong with the text, with line and column where they are known.
    pub fn described(text: &str) -> Result<Model, BadDescription> {
        match model_of(text).as_deref() {
            None => Ok(Model::Described(Arc::new(Described::parse(text)?), text.into())),
            Some(STREAMS) => {
                let streams = Arc::new(Streams::parse(text)?);
                Ok(Model::Streams(Arc::new(CardOfStreams(streams, text.to_owned()))))
            }
            Some(other) => {
                bad(format!("model = {other:?}: files describe registers, or a \"fifo-card\""))
            }
        }
    }

    /// The same with something else on the far side of some of its streams, by their names.
    ///
    /// # Errors
    /// It has no such streams, or a stream cannot have that.
    pub fn instead(&self, ends: &[(&str, Instead)]) -> Result<Model, BadDescription> {
        match self {
            model if ends.is_empty() => Ok(model.clone()),
            Model::Streams(streams) => Model::described(&Streams::instead(Some(&streams.1), ends)?),
            Model::Known(index) if MODELS.get(*index).is_some_and(|known| known.0 == STREAMS) => {
                Model::described(&Streams::instead(None, ends)?)
            }
            _ => bad("this device has no streams with far ends; a \"fifo-card\" has"),
        }
    }

    /// The text that describes it, where a name of [`MODELS`] does not: [`Model::described`] reads it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Model::Known(_) => None,
            Model::Described(_, text) => Some(text),
            Model::Streams(streams) => Some(&streams.1),
        }
    }

    /// Makes a device.
    pub fn make(&self) -> Box<dyn Device> {
        match self {
            Model::Known(index) => (MODELS[*index % MODELS.len()].2)(),
            Model::Described(described, _) => described.make(),
            Model::Streams(streams) => Box::new(FifoCard::new(streams.0.clone())),
        }
    }
}
