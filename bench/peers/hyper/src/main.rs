//! hyper as a peer in the benchmark: a single-threaded runtime, one worker, keep-alive, answers of a pipelined batch
//! flushed together.   Usage: weir-bench-hyper PORT

use std::convert::Infallible;
use std::net::SocketAddr;

use hyper::header::{HeaderValue, CONNECTION, CONTENT_TYPE};
use hyper::server::conn::AddrIncoming;
use hyper::service::{make_service_fn, service_fn};
use hyper::{Body, Request, Response, Server};
use tokio::net::TcpSocket;

// hyper 0.14 closes as asked but does not say so in its answer: wrk would ask again on a connection about to close, as
// it does with no other server.
async fn hello(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::from("Hello, World!"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if request.headers().get(CONNECTION).map_or(false, |value| value == "close") {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

async fn serve(port: u16) -> Result<(), Box<dyn std::error::Error>> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let mut incoming = AddrIncoming::from_listener(socket.listen(4096)?)?;
    incoming.set_nodelay(true);
    let service = make_service_fn(|_| async { Ok::<_, Infallible>(service_fn(hello)) });
    Server::builder(incoming).http1_only(true).http1_pipeline_flush(true).serve(service).await?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "8080".into()).parse()?;
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(port))
}
