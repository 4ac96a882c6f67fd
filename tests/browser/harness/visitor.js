// A visitor of pages.

import assert from "node:assert/strict";

import { look } from "./look.js";

/**
 * A browser profile with one page. It records problems: a page writes warnings or errors to the console, throws, or
 * requests anything from another machine.
 */
export class Visitor {
	#problems = [];
	#expected = [];

	constructor(context, page) {
		/** Playwright's browser context: cookies, further pages. */
		this.context = context;
		/** Playwright's page. */
		this.page = page;
		context.on("console", (message) => {
			if (["error", "warning"].includes(message.type())) {
				this.#problems.push(`console ${message.type()} at ${message.location().url}: ${message.text()}`);
			}
		});
		context.on("weberror", (error) => this.#problems.push(`uncaught ${error.error()}`));
		context.on("request", (request) => {
			if (!isLocal(new URL(request.url()))) {
				this.#problems.push(`request to ${request.url()}`);
			}
		});
	}

	/** Announces a problem whose text matches; the test fails without it. */
	expectProblem(pattern) {
		this.#expected.push(pattern);
	}

	/** Asserts that there were only expected problems. The harness calls it after each test. */
	sawNothingBad() {
		for (const pattern of this.#expected) {
			const isThere = this.#problems.some((problem) => pattern.test(problem));
			assert.ok(isThere, `there was no problem like ${pattern}, but: ${this.#problems.join("\n")}`);
		}
		const isExpected = (problem) => this.#expected.some((pattern) => pattern.test(problem));
		assert.deepEqual(this.#problems.filter((problem) => !isExpected(problem)), []);
	}

	/** Takes screenshots of the page under this name, and checks it: see `look`. */
	look(name, options) {
		return look(this.page, name, options);
	}
}

function isLocal({ protocol, hostname }) {
	return ["about:", "blob:", "data:", "file:"].includes(protocol) || ["localhost", "127.0.0.1"].includes(hostname);
}
