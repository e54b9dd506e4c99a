//! The words and rules of Holdline. Pure: no async, no SQL, no HTTP, no clock.
