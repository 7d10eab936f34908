//! The way out: HTTPS by rustls with the system's certificates, through the proxy that the environment names.
//!
//! The SDK's own default client takes no notice of HTTPS_PROXY and NO_PROXY.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ec2::config::{RuntimeComponents, SharedAsyncSleep};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector};

/// A client for all AWS services.
pub(super) fn client() -> SharedHttpClient {
    SharedHttpClient::new(Https::default())
}

/// One connection pool with its timeouts.
pub(super) fn connector(settings: HttpConnectorSettings, sleep: Option<SharedAsyncSleep>) -> Connector {
    let mut builder = Connector::builder()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .proxy_config(ProxyConfig::from_env())
        .connector_settings(settings);
    builder.set_sleep_impl(sleep);
    builder.build_with_resolver(SystemNames)
}

type Timeouts = (Option<Duration>, Option<Duration>);

/// Keeps one connector for each pair of timeouts: the SDK asks again for every call.
#[derive(Debug, Default)]
struct Https {
    connectors: Mutex<Vec<(Timeouts, SharedHttpConnector)>>,
}

impl HttpClient for Https {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let timeouts = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = connectors.iter().find(|(of, _)| *of == timeouts) {
            return found.clone();
        }
        let made = SharedHttpConnector::new(connector(settings.clone(), components.sleep_impl()));
        connectors.push((timeouts, made.clone()));
        made
    }
}

/// The system's name resolution. The SDK's default does the same but hides the failure's type, and a region that does
/// not exist shows itself as a host name that does not.
#[derive(Clone, Debug)]
struct SystemNames;

impl ResolveDns for SystemNames {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = tokio::net::lookup_host((name, 0)).await.map_err(|source| {
                ResolveDnsError::new(std::io::Error::new(source.kind(), format!("{name}: {source}")))
            })?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
