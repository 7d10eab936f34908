//! The door for an SDK in the same process.

use std::io::{self, ErrorKind};

use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use crate::simulator::Simulator;
use crate::simulator::catalog::find_region;
use crate::simulator::faults::Delivery;
use crate::simulator::protocol::Request;

/// An HTTP client whose far end is the simulator.
pub(in crate::simulator) fn client(simulator: Simulator) -> SharedHttpClient {
    SharedHttpClient::new(Door { simulator })
}

/// What that client connects by.
pub(in crate::simulator) fn connector(simulator: Simulator) -> SharedHttpConnector {
    SharedHttpConnector::new(Door { simulator })
}

#[derive(Clone, Debug)]
struct Door {
    simulator: Simulator,
}

impl HttpConnector for Door {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let door = self.clone();
        HttpConnectorFuture::new(async move { door.answer(&request).await })
    }
}

impl HttpClient for Door {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        connector(self.simulator.clone())
    }
}

impl Door {
    async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let body = request.body().bytes().unwrap_or_default();
        let uri = request.uri().split_once("://").map_or(request.uri(), |(_, rest)| rest);
        let host = uri.split(['/', '?']).next();
        let path = uri.split('?').next().and_then(|place| place.split_once('/')).map_or("", |(_, path)| path);
        let query = uri.split_once('?').map_or("", |(_, query)| query);
        let header = |name| request.headers().get(name);
        let asked = Request::read_either(header("x-amz-target"), query, body, header("authorization"), host)
            .addressed_to(request.method(), path);
        if find_region(&asked.region).is_none() {
            // A region that does not exist has no endpoint: its name does not resolve.
            let message = format!("no such host: ec2.{}.amazonaws.com", asked.region);
            let unknown = ResolveDnsError::new(io::Error::new(ErrorKind::NotFound, message));
            return Err(ConnectorError::io(unknown.into()));
        }
        let answer = match self.simulator.dispatch(&asked) {
            Delivery::Answer(answer) => answer,
            Delivery::Late(by, answer) => {
                tokio::time::sleep(by).await;
                answer
            }
            Delivery::Refused => return Err(broken(ErrorKind::ConnectionRefused, "Connection refused")),
            Delivery::Reset => return Err(broken(ErrorKind::ConnectionReset, "Connection reset by peer")),
            Delivery::Never => std::future::pending().await,
        };
        let status = StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
        let content_type = answer.content_type();
        let mut response = HttpResponse::new(status, SdkBody::from(answer.into_bytes()));
        response.headers_mut().insert("content-type", content_type);
        response.headers_mut().insert("date", self.simulator.date_header());
        Ok(response)
    }
}

fn broken(kind: ErrorKind, message: &str) -> ConnectorError {
    ConnectorError::io(io::Error::new(kind, message).into())
}
