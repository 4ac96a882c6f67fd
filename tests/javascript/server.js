// The real server, in development mode, with a data folder of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Starts the program that FAROE_SERVER_BINARY names, and waits until it listens. */
export async function startServer() {
	const program = process.env.FAROE_SERVER_BINARY;
	if (!program) {
		throw new Error("FAROE_SERVER_BINARY is not set: it is the path of faroe-server");
	}
	const folder = await mkdtemp(join(tmpdir(), "faroe-javascript-"));
	const options = ["--mode", "development", "--listen", "127.0.0.1:0", "--data-dir", folder, "--log", "warn"];
	const child = spawn(program, options, { stdio: ["ignore", "pipe", "inherit"] });
	const kill = () => child.kill("SIGKILL");
	process.once("exit", kill);
	const lines = createInterface({ input: child.stdout });
	const [line] = await Promise.race([
		once(lines, "line"),
		once(child, "exit").then(() => {
			throw new Error(`${program} ended before it listened`);
		})
	]);
	const url = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
	if (!url) {
		throw new Error(`${program} does not say where it listens, but: ${line}`);
	}
	console.log(`${program} listens on ${url}`);
	return {
		url,
		async stop() {
			child.kill("SIGTERM");
			if (child.exitCode === null && child.signalCode === null) {
				await once(child, "exit");
			}
			process.removeListener("exit", kill);
			await rm(folder, { recursive: true });
		},
		/** What the user has to type: the code in the last email to this address that has one. */
		async lastCode(to) {
			const response = await fetch(`${url}/dev/emails?to=${encodeURIComponent(to)}`);
			const emails = await response.json();
			return emails.filter((email) => "code" in email).at(-1).code;
		}
	};
}
