//! The models by name.

use crate::card::Card;
use crate::described::{BadDescription, Described, bad};
use crate::device::Device;
use crate::dma_card::DmaCard;
use crate::fifo_card::{FifoCard, Streams};
use crate::i8255x::Controller;
use std::sync::Arc;

type Make = fn() -> Box<dyn Device>;

/// Name, what it is, and how it is made.
pub const MODELS: &[(&str, &str, Make)] = &[
    ("bench", "registers and an interrupt line", || Box::new(Card::default())),
    ("bench-msi", "the same with a message instead of the line", || Box::new(Card::with_message())),
    ("dma", "copies memory by scatter/gather, signals messages", || Box::new(DmaCard::default())),
    ("fifo-card", "streams that a driver shows as files", || Box::new(FifoCard::default())),
    ("8255x", "Intel 8255x fast Ethernet controller", || Box::new(Controller::default())),
];

/// A kind of device, of which any number can be made.
#[derive(Clone, Debug)]
pub enum Model {
    /// One of [`MODELS`], by number.
    Known(usize),
    /// One that a file describes.
    Described(Arc<Described>),
    /// A card of streams that a file describes.
    Streams(Arc<CardOfStreams>),
}

/// The streams of a `fifo-card`, read from a file.
#[derive(Debug)]
pub struct CardOfStreams(Arc<Streams>);

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
            None => Ok(Model::Described(Arc::new(Described::parse(text)?))),
            Some("fifo-card") => {
                let streams = Arc::new(Streams::parse(text)?);
                Ok(Model::Streams(Arc::new(CardOfStreams(streams))))
            }
            Some(other) => {
                bad(format!("model = {other:?}: files describe registers, or a \"fifo-card\""))
            }
        }
    }

    /// Makes a device.
    pub fn make(&self) -> Box<dyn Device> {
        match self {
            Model::Known(index) => (MODELS[*index % MODELS.len()].2)(),
            Model::Described(described) => described.make(),
            Model::Streams(streams) => Box::new(FifoCard::new(streams.0.clone())),
        }
    }
}
