//! The lines that wait to be written.

use std::{
    collections::VecDeque,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The memory for lines that wait, in bytes.
const CAPACITY: usize = 1024 * 1024;

/// The memory that a line takes beyond its text, in bytes.
const OVERHEAD: usize = 64;

/// Lines that wait to be written, at most 1 MiB. Beyond that, lines are dropped and counted until all that wait are written.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: VecDeque<Box<[u8]>>,
    /// The memory of those that wait.
    size: usize,
    /// The number of dropped lines, which follow those that wait.
    dropped: u64,
    is_closed: bool,
}

/// The next task of the writer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Line(Box<[u8]>),
    /// As many lines were dropped here.
    Dropped(u64),
    /// Nothing came until the time that was given.
    Nothing,
    /// The queue is empty and closed.
    Closed,
}

impl Queue {
    /// Adds a line, which ends with a line break. Never waits for the writer.
    pub(super) fn push(&self, line: &[u8]) {
        let mut lines = self.lock();
        let size = lines.size + line.len() + OVERHEAD;
        if lines.dropped > 0 || size > CAPACITY {
            lines.dropped += 1;
        } else {
            lines.size = size;
            lines.waiting.push_back(line.into());
        }
        self.changed.notify_one();
    }

    /// Lets the writer end when it has written the lines that wait.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for the next line, until this time if there is one.
    pub(super) fn next(&self, until: Option<Instant>) -> Next {
        let mut lines = self.lock();
        loop {
            if let Some(line) = lines.waiting.pop_front() {
                lines.size -= line.len() + OVERHEAD;
                return Next::Line(line);
            }
            if lines.dropped > 0 {
                return Next::Dropped(std::mem::take(&mut lines.dropped));
            }
            if lines.is_closed {
                return Next::Closed;
            }
            lines = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => self
                    .changed
                    .wait(lines)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(time) if time.is_zero() => return Next::Nothing,
                Some(time) => {
                    let waited = self.changed.wait_timeout(lines, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// A panic while the lock is held must not end the log, so it poisons nothing.
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds what is written as one line.
impl io::Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &Queue) -> (usize, Vec<Next>) {
        let mut lines = 0;
        let mut others = Vec::new();
        queue.close();
        loop {
            match queue.next(None) {
                Next::Line(_) => lines += 1,
                Next::Closed => return (lines, others),
                other => others.push(other),
            }
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts_until_it_is_empty() {
        let queue = Queue::default();
        let line = [b'x'; 1000];
        for _ in 0..2000 {
            queue.push(&line);
        }
        assert!(matches!(queue.next(None), Next::Line(_)));
        // Now there is room, but the gap would be in the wrong place.
        queue.push(&line);
        let kept = CAPACITY / (line.len() + OVERHEAD);
        let dropped = Next::Dropped((2001 - kept) as u64);
        assert_eq!(drain(&queue), (kept - 1, vec![dropped]));
        queue.push(&line);
        assert_eq!(drain(&queue), (1, vec![]));
    }

    #[test]
    fn a_line_that_fits_nowhere_is_dropped_at_once() {
        let queue = Queue::default();
        queue.push(&vec![b'x'; CAPACITY]);
        assert_eq!(queue.next(None), Next::Dropped(1));
        assert_eq!(queue.next(Some(Instant::now())), Next::Nothing);
    }
}
