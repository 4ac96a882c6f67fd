#!/usr/bin/env python3
"""Writes hashes.json: passwords hashed by the software whose hashes this crate verifies.

Not part of any test run. To repeat it:

    python3 -m venv venv
    venv/bin/pip install argon2-cffi==25.1.0 bcrypt==4.3.0 cryptography==50.0.2 Django==5.2.19 passlib==1.7.4 Werkzeug==3.1.9
    npm install bcryptjs@3.0.3
    NODE_PATH=$PWD/node_modules venv/bin/python make.py > hashes.json

It also needs Node.js and cargo, which compiles RustCrypto's pbkdf2 0.13 and scrypt 0.12. Costs are low, so that tests are quick.
Each program also makes a hash with its defaults.
"""

import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
from importlib.metadata import version

import argon2
import bcrypt
import django
import passlib.hash
import werkzeug.security
from argon2.low_level import Type, hash_secret
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
from django.contrib.auth import hashers

DEFAULT = "correct horse battery staple"
PASSWORDS = [
    "a",
    "12345678",
    "seventy-two ".ljust(72, "x"),
    "seventy-three ".ljust(73, "x"),
    "a hundred and twenty ".ljust(120, "y"),
    "pässwörd 日本語 🦀",
    # 71 bytes and a letter of two: bcrypt cuts it in the middle.
    "z" * 71 + "é",
]
WITH_NUL = ["a\0b", "\0", "null\0" * 20]
SALT = bytes(range(16))

vectors = []


def add(made_by, kind, password, hash):
    vectors.append({"made_by": made_by, "kind": kind, "password": password, "hash": hash})


def rust(passwords):
    """Returns the PHC strings of RustCrypto's crates: of PBKDF2 with SHA-256, with SHA-512, and of scrypt."""
    source = r"""
use std::io::BufRead;
use pbkdf2::password_hash::{CustomizedPasswordHasher, PasswordHasher};

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let password: Vec<u8> = line.split(' ').filter(|b| !b.is_empty()).map(|b| b.parse().unwrap()).collect();
        let salt = *b"0123456789abcdef";
        for algorithm in [pbkdf2::Algorithm::Pbkdf2Sha256, pbkdf2::Algorithm::Pbkdf2Sha512] {
            let hasher = pbkdf2::Pbkdf2::new(algorithm, pbkdf2::Params::new(1000).unwrap());
            let hash: pbkdf2::phc::PasswordHash = hasher.hash_password_with_salt(&password, &salt).unwrap();
            println!("pbkdf2 {hash}");
        }
        let hasher = scrypt::Scrypt::new_with_params(scrypt::Params::new(6, 8, 2).unwrap());
        let hash: scrypt::phc::PasswordHash = hasher.hash_password_with_salt(&password, &salt).unwrap();
        println!("scrypt {hash}");
    }
}
"""
    manifest = """
[package]
name = "vectors"
version = "0.0.0"
edition = "2024"
[dependencies]
pbkdf2 = { version = "=0.13.0", features = ["phc", "alloc"] }
scrypt = { version = "=0.12.0", features = ["phc", "alloc"] }
[workspace]
"""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/src")
        with open(f"{folder}/Cargo.toml", "w") as file:
            file.write(manifest)
        with open(f"{folder}/src/main.rs", "w") as file:
            file.write(source)
        lines = "\n".join(" ".join(map(str, password.encode())) for password in passwords)
        command = ["cargo", "run", "-q", "--manifest-path", f"{folder}/Cargo.toml"]
        run = subprocess.run(command, input=lines + "\n", capture_output=True, text=True, check=True)
    return [line.split(" ", 1) for line in run.stdout.splitlines()]


def bcryptjs(passwords, rounds):
    source = """
const bcrypt = require("bcryptjs").default ?? require("bcryptjs");
const [passwords, rounds] = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(passwords.map((password) => bcrypt.hashSync(password, rounds))));
"""
    run = subprocess.run(
        ["node", "-e", source], input=json.dumps([passwords, rounds]), capture_output=True, text=True, check=True
    )
    return json.loads(run.stdout)


def firebase(password, salt, separator, signer_key, rounds, memory_cost):
    """The algorithm that Firebase publishes: https://github.com/firebase/scrypt."""
    key = hashlib.scrypt(
        password.encode(), salt=salt + separator, n=2**memory_cost, r=rounds, p=1, dklen=32, maxmem=2**30
    )
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    text = lambda value: base64.b64encode(value).decode()
    hash = text(cipher.update(signer_key))
    costs = f"v=1,n={memory_cost},r={rounds},p=1,ss={text(separator)},sk={text(signer_key)}"
    return f"$fbscrypt${costs}${text(salt)}${hash}"


def aspnet_v2(password):
    """The form that ASP.NET Core publishes for version 2: 0x00, salt, PBKDF2-HMAC-SHA1 of 1000 iterations."""
    key = hashlib.pbkdf2_hmac("sha1", password.encode(), SALT, 1000, 32)
    return base64.b64encode(b"\0" + SALT + key).decode()


def aspnet_v3(password, number, name, iterations):
    """The form for version 3: 0x01, and as big-endian numbers the function, iterations and salt length; salt, key."""
    key = hashlib.pbkdf2_hmac(name, password.encode(), SALT, iterations, 32)
    return base64.b64encode(b"\x01" + struct.pack(">III", number, iterations, len(SALT)) + SALT + key).decode()


def main():
    settings.configure()
    django.setup()
    python_bcrypt = f"bcrypt {version('bcrypt')} (Python)"
    the_django = f"Django {version('Django')}"
    the_werkzeug = f"Werkzeug {version('Werkzeug')}"
    the_passlib = f"passlib {version('passlib')}"
    the_argon2 = f"argon2-cffi {version('argon2-cffi')}"

    for password in PASSWORDS + WITH_NUL:
        for prefix in [b"2a", b"2b"]:
            salt = bcrypt.gensalt(4, prefix)
            add(python_bcrypt, "bcrypt", password, bcrypt.hashpw(password.encode(), salt).decode())
        # PHP's prefix, for the same function.
        hash = bcrypt.hashpw(password.encode(), bcrypt.gensalt(5)).decode().replace("$2b$", "$2y$")
        add(f"{python_bcrypt}, prefix of PHP", "bcrypt", password, hash)
    for password, hash in zip(PASSWORDS + WITH_NUL, bcryptjs(PASSWORDS + WITH_NUL, 4)):
        add("bcryptjs 3.0.3", "bcrypt", password, hash)
    add("bcryptjs 3.0.3", "bcrypt", DEFAULT, bcryptjs([DEFAULT], 10)[0])
    add(python_bcrypt, "bcrypt", DEFAULT, bcrypt.hashpw(DEFAULT.encode(), bcrypt.gensalt()).decode())

    class Low:
        """A hasher of Django with low costs."""

        def __init__(self, hasher, **costs):
            self.hasher = type(f"Low{hasher.__name__}", (hasher,), costs)()

        def encode(self, password):
            return self.hasher.encode(password, self.hasher.salt())

    for kind, low in [
        ("pbkdf2", Low(hashers.PBKDF2PasswordHasher, iterations=100)),
        ("pbkdf2", Low(hashers.PBKDF2SHA1PasswordHasher, iterations=100)),
        ("scrypt", Low(hashers.ScryptPasswordHasher, work_factor=64, parallelism=2)),
        ("argon2", Low(hashers.Argon2PasswordHasher, memory_cost=64, time_cost=2, parallelism=3)),
        ("bcrypt", Low(hashers.BCryptSHA256PasswordHasher, rounds=4)),
        ("bcrypt", Low(hashers.BCryptPasswordHasher, rounds=4)),
    ]:
        for password in PASSWORDS + WITH_NUL:
            add(the_django, kind, password, low.encode(password))
    for kind, name in [
        ("pbkdf2", "pbkdf2_sha256"),
        ("scrypt", "scrypt"),
        ("argon2", "argon2"),
        ("bcrypt", "bcrypt_sha256"),
    ]:
        hasher = {
            "pbkdf2_sha256": hashers.PBKDF2PasswordHasher,
            "scrypt": hashers.ScryptPasswordHasher,
            "argon2": hashers.Argon2PasswordHasher,
            "bcrypt_sha256": hashers.BCryptSHA256PasswordHasher,
        }[name]()
        add(the_django, kind, DEFAULT, hasher.encode(DEFAULT, hasher.salt()))

    for password in PASSWORDS + WITH_NUL:
        for method in ["pbkdf2:sha1:100", "pbkdf2:sha256:100", "pbkdf2:sha512:100", "scrypt:1024:8:1"]:
            hash = werkzeug.security.generate_password_hash(password, method)
            add(the_werkzeug, method.split(":")[0], password, hash)
    for method in ["pbkdf2", "scrypt"]:
        add(the_werkzeug, method, DEFAULT, werkzeug.security.generate_password_hash(DEFAULT, method))

    # passlib refuses NUL in passwords of bcrypt.
    for kind, scheme in [
        ("pbkdf2", passlib.hash.pbkdf2_sha1.using(rounds=100)),
        ("pbkdf2", passlib.hash.pbkdf2_sha256.using(rounds=100)),
        ("pbkdf2", passlib.hash.pbkdf2_sha512.using(rounds=100)),
        ("scrypt", passlib.hash.scrypt.using(rounds=6, parallelism=2)),
        ("argon2", passlib.hash.argon2.using(type="i", rounds=2, memory_cost=64, parallelism=1)),
        ("argon2", passlib.hash.argon2.using(type="d", rounds=2, memory_cost=64, parallelism=2)),
        ("argon2", passlib.hash.argon2.using(type="id", rounds=2, memory_cost=64, parallelism=2)),
        ("bcrypt", passlib.hash.bcrypt.using(rounds=4)),
        ("bcrypt", passlib.hash.bcrypt_sha256.using(rounds=4)),
        ("bcrypt", passlib.hash.bcrypt_sha256.using(rounds=4, version=1)),
    ]:
        for password in PASSWORDS + ([] if kind == "bcrypt" else WITH_NUL):
            add(the_passlib, kind, password, scheme.hash(password))
    for kind, scheme in [
        ("pbkdf2", passlib.hash.pbkdf2_sha256),
        ("pbkdf2", passlib.hash.pbkdf2_sha512),
        ("scrypt", passlib.hash.scrypt),
        ("argon2", passlib.hash.argon2),
        ("bcrypt", passlib.hash.bcrypt_sha256),
    ]:
        add(the_passlib, kind, DEFAULT, scheme.hash(DEFAULT))

    for variant in [Type.I, Type.D, Type.ID]:
        for number in [16, 19]:
            for password in PASSWORDS + WITH_NUL:
                hash = hash_secret(password.encode(), SALT, 1, 32, 2, 24, variant, number).decode()
                add(the_argon2, "argon2", password, hash)
    add(the_argon2, "argon2", DEFAULT, argon2.PasswordHasher().hash(DEFAULT))

    for number, (kind, hash) in enumerate(rust(PASSWORDS + WITH_NUL)):
        add("RustCrypto pbkdf2 0.13.0 and scrypt 0.12.0", kind, (PASSWORDS + WITH_NUL)[number // 3], hash)

    for password in PASSWORDS + WITH_NUL:
        signer_key = hashlib.sha512(b"signer key").digest()
        hash = firebase(password, bytes(range(10)), b"\x07", signer_key, 8, 6)
        add("Firebase's published algorithm", "firebase_scrypt", password, hash)
        add("ASP.NET Core's published form", "pbkdf2", password, aspnet_v2(password))
        for number, name in enumerate(["sha1", "sha256", "sha512"]):
            add("ASP.NET Core's published form", "pbkdf2", password, aspnet_v3(password, number, name, 100))
    add("ASP.NET Core's published form", "pbkdf2", DEFAULT, aspnet_v3(DEFAULT, 2, "sha512", 100_000))

    # Published by the projects themselves.
    add(
        "the README of firebase/scrypt",
        "firebase_scrypt",
        "user1password",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,"
        "sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
        "$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    )
    add(
        "the tests of Supabase Auth",
        "firebase_scrypt",
        "mytestpassword",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,"
        "sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw=="
        "$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==",
    )
    for hash in [
        "AAABAgMEBQYHCAkKCwwNDg+ukCEMDf0yyQ29NYubggHIVY0sdEUfdyeM+E1LtH1uJg==",
        "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M",
        "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=",
    ]:
        add("the tests of ASP.NET Core", "pbkdf2", "my password", hash)

    json.dump(vectors, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
