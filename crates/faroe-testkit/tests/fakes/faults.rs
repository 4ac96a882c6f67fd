//! Each fault does as its name says, at its call.

use std::{sync::Arc, time::Duration};

use faroe_core::{
    storage::{AddOutcome, DeleteOutcome, Storage},
    time::UnixTime,
};
use faroe_testkit::{
    fault::{Extent, Fault, Faults, Injection, Intercepted, Port},
    storage::ReferenceStorage,
};
use tokio::time::timeout;

const NEVER: UnixTime = UnixTime::from_milliseconds(i64::MAX);

fn faulty() -> (
    Arc<Faults>,
    Arc<ReferenceStorage>,
    Intercepted<ReferenceStorage>,
) {
    let (faults, storage) = (
        Arc::<Faults>::default(),
        Arc::new(ReferenceStorage::keeping_expired()),
    );
    let wrapped = faults.wrap(Arc::clone(&storage));
    (faults, storage, wrapped)
}

fn once(fault: Fault) -> Injection {
    Injection {
        fault,
        at: 0,
        extent: Extent::Once,
    }
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_as_its_name_says() {
    let (faults, storage, wrapped) = faulty();
    let is_there = || storage.entries().contains_key("key");
    let add = || wrapped.add("key", b"value", NEVER);

    faults.inject(once(Fault::FailBeforeActing));
    assert!(add().await.is_err() && !is_there());
    faults.inject(once(Fault::Hang));
    assert!(timeout(Duration::from_secs(3600), add()).await.is_err() && !is_there());
    faults.inject(once(Fault::ActLate));
    assert!(add().await.is_err() && !is_there());
    faults.deliver_late_calls().await;
    assert!(is_there());

    storage.clear();
    faults.inject(once(Fault::Conflict));
    assert!(add().await.unwrap_err().is_conflict() && !is_there());
    faults.inject(once(Fault::LoseTheAnswer));
    assert!(add().await.is_err() && is_there());
    faults.inject(once(Fault::ActTwice));
    assert_eq!(wrapped.delete("key").await.unwrap(), DeleteOutcome::Deleted);
    let before = tokio::time::Instant::now();
    faults.inject(once(Fault::ActAfter(Duration::from_secs(5))));
    assert_eq!(add().await.unwrap(), AddOutcome::Added);
    assert_eq!(before.elapsed(), Duration::from_secs(5));
}

#[tokio::test]
async fn a_fault_strikes_at_its_call_and_as_far_as_it_extends() {
    let (faults, _, storage) = faulty();
    let other = faults.wrap(Arc::new(faroe_core::storage::EmptyCache));
    for (extent, expected) in [
        (Extent::Once, [true, false, true, true]),
        (Extent::ThisPort, [true, false, true, false]),
        (Extent::Everything, [true, false, false, false]),
    ] {
        faults.inject(Injection {
            fault: Fault::FailBeforeActing,
            at: 1,
            extent,
        });
        assert!(!faults.is_done());
        let mut succeeded = [false; 4];
        succeeded[0] = storage.get("key").await.is_ok();
        succeeded[1] = storage.get("key").await.is_ok();
        succeeded[2] = faroe_core::storage::Cache::get(&other, "key").await.is_ok();
        succeeded[3] = storage.get("key").await.is_ok();
        assert_eq!(succeeded, expected, "{extent:?}");
        assert!(faults.is_done());
        let ports: Vec<Port> = faults.take_calls().iter().map(|call| call.port).collect();
        assert_eq!(
            ports,
            [Port::Storage, Port::Storage, Port::Cache, Port::Storage]
        );
        faults.heal();
        assert!(storage.get("key").await.is_ok());
    }
}

#[tokio::test]
async fn a_plan_is_for_the_next_call_of_its_name() {
    let (faults, storage, wrapped) = faulty();
    faults.at_next("Storage::get b", Fault::FailBeforeActing);
    faults.at_next("Storage::get b", Fault::Conflict);
    assert!(wrapped.delete("b").await.is_ok() && wrapped.get("a").await.is_ok());
    assert!(!faults.is_done());
    assert!(!wrapped.get("b, and more").await.unwrap_err().is_conflict());
    assert!(wrapped.get("b").await.unwrap_err().is_conflict());
    assert!(wrapped.get("b").await.is_ok() && faults.is_done());

    faults.at_next("", Fault::FailBeforeActing);
    assert!(wrapped.get("a").await.is_err());
    faults.at_next("", Fault::FailBeforeActing);
    faults.heal();
    assert!(wrapped.get("a").await.is_ok());

    let seen = Arc::clone(&storage);
    faults.before("Storage::add key", async move || {
        assert!(seen.entries().is_empty(), "the call has not acted");
        let _ = Storage::add(&*seen, "key", b"first", NEVER).await?;
        Ok(())
    });
    let added = wrapped.add("key", b"second", NEVER).await.unwrap();
    assert_eq!(added, AddOutcome::AlreadyExists);

    let mut held = faults.hold("Storage::delete");
    let deleted = tokio::spawn(async move { wrapped.delete("key").await });
    held.reached().await;
    assert!(storage.entries().contains_key("key") && !deleted.is_finished());
    held.release();
    assert_eq!(deleted.await.unwrap().unwrap(), DeleteOutcome::Deleted);
}
