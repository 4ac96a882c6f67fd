// How a test tells that it has proved a promise of SECURITY.md.

import { appendFileSync } from "node:fs";

/**
 * Tells that a promise was proved, and by how much: prints `promise P54: 21 forms, all refused`, and appends the same line
 * to the file that FAROE_TEST_PROMISES names, if it names one. It is the last line of a test.
 */
export function reportPromise(promise, covered) {
	const line = `promise ${promise}: ${covered}\n`;
	process.stdout.write(line);
	if (process.env.FAROE_TEST_PROMISES) {
		appendFileSync(process.env.FAROE_TEST_PROMISES, line);
	}
}
