//! What a dry run of an installation says, for the three forms it is written in.

use evidence::inf::{Device, Inf, Node, Plan, Ranking, System};

/// An INF that was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Looked<'a> {
    /// Its path.
    pub path: &'a str,
    /// What it says.
    pub inf: &'a Inf,
}

/// A moment, UTC, as logs of SetupAPI write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// `2024/02/29`.
    pub day: String,
    /// `23:59:58.750`.
    pub time: String,
}

/// A dry run.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// The INFs, in the order of the command line.
    pub packages: &'a [Looked<'a>],
    /// The device.
    pub device: &'a Device,
    /// The system.
    pub system: &'a System,
    /// Who fits.
    pub ranking: &'a Ranking,
    /// What the best one does.
    pub plan: Option<&'a Plan>,
    /// Files of the package that do not lie beside the INF.
    pub missing: &'a [String],
}

impl<'a> Installation<'a> {
    /// The driver that Windows takes.
    pub fn chosen(&self) -> Option<&'a Node> {
        self.ranking.nodes.first()
    }

    /// The path of the INF that an entry stands in.
    pub(crate) fn path(&self, package: usize) -> &'a str {
        self.packages.get(package).map_or("", |it| it.path)
    }

    /// Whether the driver cannot be loaded because nobody signed it: kernel-mode code of x64 and ARM64 must
    /// be signed since Windows Vista.
    /// <https://learn.microsoft.com/windows-hardware/drivers/install/kernel-mode-code-signing-policy--windows-vista-and-later->
    pub fn is_refused_unsigned(&self) -> bool {
        use evidence::inf::{Architecture, Signature};
        let wide = matches!(self.system.architecture, Architecture::Amd64 | Architecture::Arm64);
        let kernel = |plan: &Plan| plan.services.iter().any(|it| matches!(it.kind, Some(1 | 2)));
        wide && self.system.major >= 6
            && self.chosen().is_some_and(|node| node.signature == Signature::Unsigned)
            && self.plan.is_some_and(kernel)
    }
}

/// The last part of a path.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
