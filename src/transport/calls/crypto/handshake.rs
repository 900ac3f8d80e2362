//! The key agreement (DTLS) of a call, by a library without I/O. It adds nothing to it.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use str0m::crypto::{
    CryptoError,
    dtls::{
        DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion,
        ProtocolVersion,
    },
};

use super::{Ciphers, certificate};

/// How long an agreement may take, and the wait for it: the call is given up before that.
const PATIENCE: Duration = Duration::from_secs(30);

impl DtlsProvider for Ciphers {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        certificate()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let (config, certificate) = (config(mtu)?, certificate.clone());
        let agreement = match version {
            DtlsVersion::Dtls13 => dimpl::Dtls::new_13(config, certificate, now),
            DtlsVersion::Auto => dimpl::Dtls::new_auto(config, certificate, now),
            _ => dimpl::Dtls::new_12(config, certificate, now),
        };
        Ok(Box::new(Agreement(agreement)))
    }
}

/// What all agreements have in common. It is made once: each time the library tries all of its ciphers, for milliseconds.
fn config(mtu: Option<usize>) -> Result<Arc<dimpl::Config>, CryptoError> {
    static CONFIG: OnceLock<Arc<dimpl::Config>> = OnceLock::new();
    let fits = |config: &&Arc<dimpl::Config>| mtu.is_none_or(|mtu| mtu == config.mtu());
    if let Some(config) = CONFIG.get().filter(fits) {
        return Ok(Arc::clone(config));
    }
    // Whoever knows the call's password may still give another's address for their own. A cookie asks whether what
    // is sent there arrives, before anything longer goes that way.
    let mut config = dimpl::Config::builder().use_server_cookie(true).handshake_timeout(PATIENCE);
    if let Some(mtu) = mtu {
        config = config.mtu(mtu);
    }
    let config = config.build().map_err(|error| CryptoError::Other(error.to_string()))?;
    let config = Arc::new(config);
    // Another one may have been first.
    drop(CONFIG.set(Arc::clone(&config)));
    Ok(config)
}

struct Agreement(dimpl::Dtls);

impl fmt::Debug for Agreement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Agreement")
    }
}

impl DtlsInstance for Agreement {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<(), DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
