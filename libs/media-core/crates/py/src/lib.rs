//! The Python bindings: converts arguments, maps errors, releases the GIL. No rule of the relay lives here.

mod convert;
mod core;

use pyo3::prelude::*;

/// The native half of `parlour.media_core`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::core::PyCore;
}
