// Reports of tests that have proved a promise of SECURITY.md.

import { appendFileSync } from "node:fs";

/**
 * Reports that a promise was proved, and the cases: prints `promise P54: 21 forms, all refused`, and appends the same line
 * to the file in FAROE_TEST_PROMISES, if that is set. It is the last line of a test.
 */
export function reportPromise(promise, covered) {
	const line = `promise ${promise}: ${covered}\n`;
	process.stdout.write(line);
	if (process.env.FAROE_TEST_PROMISES) {
		appendFileSync(process.env.FAROE_TEST_PROMISES, line);
	}
}
