//! The HTTP door: what other clients (the AWS CLI, boto3) speak to.

use std::future::Future;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::simulator::Simulator;
use crate::simulator::faults::Delivery;
use crate::simulator::protocol::{Answer, Fault, Request};

/// More than any EC2 request has.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Answers over HTTP until `shutdown` is done. Requests have to be signed, as EC2's have, but the signature is not
/// verified: any key and secret will do. The region is that of the signature's scope.
pub async fn serve(simulator: Simulator, listener: TcpListener, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        // A connection that breaks before it is accepted is nobody's loss.
        let Ok((stream, _)) = accepted else { continue };
        let simulator = simulator.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(simulator.clone(), request));
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = served {
                tracing::debug!(%error, "a client of the simulator went away");
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(
    simulator: Simulator,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Broken> {
    let (head, body) = request.into_parts();
    let date = simulator.date_header();
    let header = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    let answer = match Limited::new(body, MOST_BYTES).collect().await {
        Ok(body) => {
            let asked = Request::read_either(
                header(HeaderName::from_static("x-amz-target")),
                head.uri.query().unwrap_or_default(),
                &body.to_bytes(),
                header(AUTHORIZATION),
                header(HOST),
            )
            .addressed_to(head.method.as_str(), head.uri.path());
            delivered(simulator.dispatch(&asked)).await?
        }
        Err(_) => too_large(),
    };
    let (content_type, date) = (answer.content_type(), HeaderValue::try_from(date).ok());
    let status = hyper::StatusCode::from_u16(answer.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = hyper::Response::new(Full::new(Bytes::from(answer.into_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(date) = date {
        response.headers_mut().insert(DATE, date);
    }
    Ok(response)
}

/// The answer, when it comes; an error has the connection closed without one.
async fn delivered(delivery: Delivery) -> Result<Answer, Broken> {
    match delivery {
        Delivery::Answer(answer) => Ok(answer),
        Delivery::Late(by, answer) => {
            tokio::time::sleep(by).await;
            Ok(answer)
        }
        // The connection was accepted before the request could be read: refusing it is too late.
        Delivery::Refused | Delivery::Reset => Err(Broken),
        Delivery::Never => std::future::pending().await,
    }
}

/// A connection that is closed on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed as the fault rules say")]
struct Broken;

fn too_large() -> Answer {
    Fault::new("InvalidRequest", "The request is too large or was cut off.")
        .ec2_answer("00000000-0000-0000-0000-000000000000")
}
