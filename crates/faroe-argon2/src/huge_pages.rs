//! Huge pages for working memory. This has unsafe code.
//!
//! A hash jumps about in 64 MiB, and with pages of 4 KiB the processor has to look up where nearly every jump leads. Linux
//! has pages of 2 MiB too: for everyone, for no one, or, as most distributions set it, for who asks.
#![expect(
    unsafe_code,
    reason = "nothing safe tells the system about memory that an allocator gave, and hashing is a sixth slower without"
)]

use std::mem::MaybeUninit;

use rustix::mm::{Advice, madvise};

/// The size and alignment of a huge page on most processors, and a multiple of all sizes of other pages.
const HUGE_PAGE: usize = 2 * 1024 * 1024;

/// Asks for as many huge pages as lie within the memory, which is best not used yet. The system may have none to give.
pub(crate) fn ask_for<T>(memory: &mut [MaybeUninit<T>]) {
    let size = size_of_val(memory);
    let start = memory.as_mut_ptr().cast::<u8>();
    let before = start.align_offset(HUGE_PAGE);
    let whole = size.saturating_sub(before) / HUGE_PAGE * HUGE_PAGE;
    if whole == 0 {
        return;
    }
    // SAFETY: the range lies within `memory`, which nobody else can reach meanwhile, and this advice changes no byte of it.
    let _declined = unsafe { madvise(start.add(before).cast(), whole, Advice::LinuxHugepage) };
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// The flags of the mapping with this address.
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
        panic!("no mapping holds the address");
    }

    #[test]
    fn memory_in_the_middle_is_for_huge_pages_and_that_beside_it_is_not() {
        if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            return;
        }
        let mut memory: Vec<u64> = Vec::with_capacity(8 * HUGE_PAGE / size_of::<u64>());
        let start = memory.as_ptr() as usize;
        let end = start + 8 * HUGE_PAGE;
        ask_for(memory.spare_capacity_mut());
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
