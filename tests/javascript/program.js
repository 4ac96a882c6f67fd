// Programs of this project, run as a user runs them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

/**
 * Starts the program whose path is in an environment variable, in a new folder, and waits until it prints
 * `listening on URL`. The program is stopped with this process at the latest.
 *
 * Returns its `url`, its `folder`, its process as `child`, the `lines` that it prints, and `stop()`.
 */
export async function startProgram(variable, options) {
	const path = process.env[variable];
	if (!path) {
		throw new Error(`${variable} is not set; set it to the path of the program built with cargo`);
	}
	const folder = await mkdtemp(join(tmpdir(), "faroe-javascript-"));
	const child = spawn(resolve(path), options, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
	const kill = () => child.kill("SIGKILL");
	process.once("exit", kill);
	const lines = createInterface({ input: child.stdout });
	const [line] = await Promise.race([
		once(lines, "line"),
		once(child, "exit").then(() => {
			throw new Error(`${path} exited before it listened`);
		})
	]);
	const url = /^listening on (http:\/\/\S+)$/.exec(line)?.[1];
	if (!url) {
		throw new Error(`${path}: expected "listening on URL", got: ${line}`);
	}
	console.log(`${path} listens on ${url}`);
	return {
		url,
		folder,
		child,
		lines,
		async stop() {
			child.kill("SIGTERM");
			if (child.exitCode === null && child.signalCode === null) {
				await once(child, "exit");
			}
			process.removeListener("exit", kill);
			await rm(folder, { recursive: true });
		}
	};
}
