//! Which locations a program may open on behalf of others. A command line opens what its user names; a server must not
//! be led into its own network by an address that somebody else wrote.

use std::fmt::Debug;
use std::net::IpAddr;

use super::Location;

/// Decides about locations and about the hosts that they lead to, redirects included.
pub trait Guard: Debug + Send + Sync {
    /// Refuses a location before it is opened.
    ///
    /// # Errors
    /// In words, naming the location without its secrets, and the setting.
    fn check(&self, location: &Location) -> Result<(), String>;

    /// Whether a host that was asked for by this name may be reached at this address.
    fn admits(&self, host: &str, address: IpAddr) -> bool;
}
