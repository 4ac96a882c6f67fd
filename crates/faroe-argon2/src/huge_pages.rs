//! Huge pages for working memory. This module contains unsafe code.
//!
//! A hash accesses 64 MiB in random order. With pages of 4 KiB, nearly every access misses the processor's address
//! translation cache. Linux also has pages of 2 MiB. Most distributions provide them on request.
#![expect(
    unsafe_code,
    reason = "there is no safe madvise for allocated memory, and hashing is a sixth slower without huge pages"
)]

use std::mem::MaybeUninit;

use rustix::mm::{Advice, madvise};

/// The size and alignment of a huge page on most processors, and a multiple of every smaller page size.
const HUGE_PAGE: usize = 2 * 1024 * 1024;

/// Requests huge pages for all aligned blocks of 2 MiB in the memory. Works best before the memory is first used. The system
/// may ignore the request.
pub(crate) fn request<T>(memory: &mut [MaybeUninit<T>]) {
    let size = size_of_val(memory);
    let start = memory.as_mut_ptr().cast::<u8>();
    let before = start.align_offset(HUGE_PAGE);
    let whole = size.saturating_sub(before) / HUGE_PAGE * HUGE_PAGE;
    if whole == 0 {
        return;
    }
    // SAFETY: the range lies within `memory`, which is borrowed exclusively, and this advice does not change its content.
    let _declined = unsafe { madvise(start.add(before).cast(), whole, Advice::LinuxHugepage) };
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Returns the flags of the mapping that contains the address.
    fn flags(address: usize) -> String {
        let mappings = fs::read_to_string("/proc/self/smaps").unwrap();
        let mut is_it = false;
        for line in mappings.lines() {
            let range = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'));
            let hexadecimal = |text| usize::from_str_radix(text, 16).ok();
            if let Some((Some(start), Some(end))) =
                range.map(|(start, end)| (hexadecimal(start), hexadecimal(end)))
            {
                is_it = (start..end).contains(&address);
            }
            if let (true, Some(flags)) = (is_it, line.strip_prefix("VmFlags:")) {
                return flags.to_owned();
            }
        }
        panic!("no mapping contains the address");
    }

    #[test]
    fn huge_pages_are_requested_for_aligned_blocks_only() {
        if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            return;
        }
        let mut memory: Vec<u64> = Vec::with_capacity(8 * HUGE_PAGE / size_of::<u64>());
        let start = memory.as_ptr() as usize;
        let end = start + 8 * HUGE_PAGE;
        request(memory.spare_capacity_mut());
        let is_huge = |address| flags(address).split(' ').any(|flag| flag == "hg");
        assert!(is_huge(start + 4 * HUGE_PAGE));
        let first = start.next_multiple_of(HUGE_PAGE);
        assert!(is_huge(first));
        assert!(first == start || !is_huge(first - 1));
        let last = end / HUGE_PAGE * HUGE_PAGE;
        assert!(is_huge(last - 1));
        assert!(last == end || !is_huge(last));
    }
}
