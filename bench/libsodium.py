"""Computes Argon2id hashes (64 MiB, 3 passes) with libsodium: as many as each line of the input says; answers with seconds."""

import ctypes
import ctypes.util
import sys
import time

ARGON2ID13 = 2

name = ctypes.util.find_library("sodium")
if name is None:
    sys.exit("libsodium is not installed")
sodium = ctypes.CDLL(name)
if sodium.sodium_init() < 0:
    sys.exit("libsodium cannot be used")
sodium.crypto_pwhash.argtypes = [
    ctypes.c_char_p,
    ctypes.c_ulonglong,
    ctypes.c_char_p,
    ctypes.c_ulonglong,
    ctypes.c_char_p,
    ctypes.c_ulonglong,
    ctypes.c_size_t,
    ctypes.c_int,
]
password = b"a bench of oak, quite long"
salt = bytes([7] * 16)
output = ctypes.create_string_buffer(32)


def compute():
    failed = sodium.crypto_pwhash(output, 32, password, len(password), salt, 3, 64 * 1024 * 1024, ARGON2ID13)
    if failed:
        sys.exit("libsodium could not hash")


compute()
print(output.raw.hex(), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        compute()
    print(time.perf_counter() - start, flush=True)
