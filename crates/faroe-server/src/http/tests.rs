//! Answers of a server whose storage fails.

use axum::body::Body;
use faroe_core::{
    error::AdapterError,
    storage::{DeleteOutcome, Entry, MainStorage, UpdateOutcome},
    time::UnixTime,
    user_store::Counter,
};
use faroe_email_templates::{EmailTemplates, EmailTemplatesOptions};
use http_body_util::BodyExt;

use super::*;
use crate::{Mode, answers::Answers, assembly::assemble, configuration::Settings, role::Role};

/// A storage that is broken in one way.
#[derive(Debug)]
enum Broken {
    Fails,
    Panics,
    Hangs,
}

#[async_trait::async_trait]
impl MainStorage for Broken {
    async fn get(&self, _key: &str) -> Result<Option<Entry>, AdapterError> {
        match self {
            Self::Fails => Err(AdapterError::new("read", "canary")),
            Self::Panics => panic!("canary"),
            Self::Hangs => std::future::pending().await,
        }
    }

    async fn set(&self, _: &str, _: &[u8], _: UnixTime) -> Result<(), AdapterError> {
        self.get("").await.map(drop)
    }

    async fn update(
        &self,
        _: &str,
        _: &[u8],
        _: UnixTime,
        _: Counter,
    ) -> Result<UpdateOutcome, AdapterError> {
        self.get("").await.map(|_| UpdateOutcome::Conflict)
    }

    async fn delete(&self, _: &str) -> Result<DeleteOutcome, AdapterError> {
        self.get("").await.map(|_| DeleteOutcome::NotFound)
    }
}

/// Returns the service of a server whose `/ready` sees a broken storage.
async fn service_with(storage: Broken) -> (HttpService, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        data_dir: folder.path().join("data"),
        ..Settings::default()
    };
    let templates = EmailTemplates::new(EmailTemplatesOptions::new("Example")).unwrap();
    let mailbox = Arc::new(DevMailbox::new(Arc::new(templates)));
    let assembly = assemble(&settings, mailbox.clone()).await.unwrap();
    let app = App {
        endpoint: ActionInvocationEndpoint::new(assembly.server),
        ip_rate_limit: None,
        readiness: Readiness::new(vec![Role::MainStorage(Arc::new(storage))]),
        dev_mailbox: Some(mailbox),
        signup_fields: Vec::new(),
        hosts: Arc::new(Hosts::new(Mode::Development, &settings.http)),
        places: Arc::new(Places::new(settings.http.max_connections)),
        drains: AtomicBool::new(false),
    };
    (service(app), folder)
}

async fn get_path(service: &HttpService, path: &str) -> (u16, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let service = service.for_connection_of(([127, 0, 0, 1], 1).into());
    let response = service.answer_whatever_happens(request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_storage_that_does_not_answer_is_named_and_nothing_more() {
    for storage in [Broken::Fails, Broken::Hangs] {
        let (service, _folder) = service_with(storage).await;
        assert_eq!(
            get_path(&service, "/ready").await,
            (503, "not ready: storage\n".to_owned())
        );
        assert_eq!(get_path(&service, "/health").await.0, 200);
    }
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_server_goes_on() {
    let (service, _folder) = service_with(Broken::Panics).await;
    assert_eq!(
        get_path(&service, "/ready").await,
        (500, "internal error\n".to_owned())
    );
    assert_eq!(get_path(&service, "/health").await.0, 200);
}
