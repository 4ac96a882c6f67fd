// The server program, in development mode, with a data folder of its own.

import { startProgram } from "./program.js";

/** Starts the program named by FAROE_SERVER_BINARY. */
export async function startServer() {
	const options = ["--mode", "development", "--listen", "127.0.0.1:0", "--data-dir", ".", "--log", "warn"];
	const program = await startProgram("FAROE_SERVER_BINARY", options);
	return {
		...program,
		/** Returns the code in the last email to this address that has one. */
		async lastCode(to) {
			const response = await fetch(`${program.url}/dev/emails?to=${encodeURIComponent(to)}`);
			const emails = await response.json();
			return emails.filter((email) => "code" in email).at(-1).code;
		}
	};
}
