"""Names of the vector types of 2 to 64 lanes, as in ``simd.f32x8``; `vector` makes those of one lane too."""

from jitkit.simd._kinds import vector as _vector

_LANES = (2, 4, 8, 16, 32, 64)

i8x2, i8x4, i8x8, i8x16, i8x32, i8x64 = (_vector("i1", lanes) for lanes in _LANES)
i16x2, i16x4, i16x8, i16x16, i16x32, i16x64 = (_vector("i2", lanes) for lanes in _LANES)
i32x2, i32x4, i32x8, i32x16, i32x32, i32x64 = (_vector("i4", lanes) for lanes in _LANES)
i64x2, i64x4, i64x8, i64x16, i64x32, i64x64 = (_vector("i8", lanes) for lanes in _LANES)
u8x2, u8x4, u8x8, u8x16, u8x32, u8x64 = (_vector("u1", lanes) for lanes in _LANES)
u16x2, u16x4, u16x8, u16x16, u16x32, u16x64 = (_vector("u2", lanes) for lanes in _LANES)
u32x2, u32x4, u32x8, u32x16, u32x32, u32x64 = (_vector("u4", lanes) for lanes in _LANES)
u64x2, u64x4, u64x8, u64x16, u64x32, u64x64 = (_vector("u8", lanes) for lanes in _LANES)
f32x2, f32x4, f32x8, f32x16, f32x32, f32x64 = (_vector("f4", lanes) for lanes in _LANES)
f64x2, f64x4, f64x8, f64x16, f64x32, f64x64 = (_vector("f8", lanes) for lanes in _LANES)
