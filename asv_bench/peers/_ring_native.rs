//! The ring of `_ring_native.cpp` as Rust programs have it, with the same C interface.

use std::slice::{from_raw_parts, from_raw_parts_mut};

const CAPACITY: usize = 1024;

/// Both counters only grow: the ring is empty where they are equal, and all N items are of use.
pub struct Ring<T, const N: usize> {
    head: usize,
    tail: usize,
    items: [T; N],
}

impl<T: Copy + Default, const N: usize> Ring<T, N> {
    const MASK: usize = {
        assert!(N.is_power_of_two());
        N - 1
    };

    pub fn new() -> Self {
        Self { head: 0, tail: 0, items: [T::default(); N] }
    }

    pub fn len(&self) -> usize {
        self.tail.wrapping_sub(self.head)
    }

    pub fn push(&mut self, item: T) -> Result<(), T> {
        if self.len() == N {
            return Err(item);
        }
        self.items[self.tail & Self::MASK] = item;
        self.tail = self.tail.wrapping_add(1);
        Ok(())
    }

    pub fn push_overwrite(&mut self, item: T) {
        self.items[self.tail & Self::MASK] = item;
        self.tail = self.tail.wrapping_add(1);
        if self.len() > N {
            self.head = self.head.wrapping_add(1);
        }
    }

    pub fn pop(&mut self) -> Option<T> {
        if self.len() == 0 {
            return None;
        }
        let item = self.items[self.head & Self::MASK];
        self.head = self.head.wrapping_add(1);
        Some(item)
    }
}

type Floats = Ring<f32, CAPACITY>;

#[no_mangle]
pub extern "C" fn ring_new() -> *mut Floats {
    Box::into_raw(Box::new(Floats::new()))
}

/// # Safety
/// `ring` is one of `ring_new`, and nobody uses it any more.
#[no_mangle]
pub unsafe extern "C" fn ring_delete(ring: *mut Floats) {
    drop(Box::from_raw(ring));
}

/// # Safety
/// `out` has room for as many items as the ring.
#[no_mangle]
pub unsafe extern "C" fn ring_drain(ring: &mut Floats, out: *mut f32) -> usize {
    let count = ring.len();
    for place in from_raw_parts_mut(out, count) {
        *place = ring.pop().unwrap();
    }
    count
}

/// # Safety
/// There are `count` items.
#[no_mangle]
pub unsafe extern "C" fn ring_push(ring: &mut Floats, items: *const f32, count: usize) {
    for &item in from_raw_parts(items, count) {
        ring.push_overwrite(item);
    }
}

/// # Safety
/// There are `count` items, and room for as many.
#[no_mangle]
pub unsafe extern "C" fn ring_pairs(ring: &mut Floats, items: *const f32, out: *mut f32, count: usize) {
    let (items, out) = (from_raw_parts(items, count), from_raw_parts_mut(out, count));
    for (place, &item) in out.iter_mut().zip(items) {
        let _ = ring.push(item);
        if let Some(item) = ring.pop() {
            *place = item;
        }
    }
}
