//! Virtual hardware: a PCI slot and what may be plugged into it.
//!
//! | file | holds |
//! | --- | --- |
//! | `device` | what a device is: the trait that one file makes one device by |
//! | `slot` | the device in its slot: configuration space, faults, what it would do next |
//! | `config` | PCI configuration space |
//! | `model` | the models by name |
//! | `card` | the register device that drivers get by default |
//! | `dma_card` | a small device that copies memory |
//! | `described` | a device described by a TOML file |
//! | `fifo_card` | a card of streams that a driver shows as files |
//! | `far_side` | what stands behind the streams of a device |
//! | `i8255x` | Intel's 8255x fast Ethernet controller |
//!
//! A device does nothing by itself: [`Device::step`] does one thing when it is called, and whoever
//! calls it decides when. So everything a device does is a choice of the schedule.
#![warn(missing_docs)]

mod card;
mod config;
mod described;
mod device;
mod dma_card;
mod far_side;
mod fifo_card;
mod i8255x;
mod model;
mod slot;

pub use card::Card;
pub use config::Config;
pub use described::{BadDescription, Described};
pub use device::{Bar, Bus, Device, Fault, Identity, Refused, Space, State};
pub use dma_card::DmaCard;
pub use far_side::{FarSide, Instead, Mark, StreamInfo};
pub use fifo_card::FifoCard;
pub use i8255x::Controller;
pub use model::{MODELS, Model};
pub use slot::{Place, Slot};
