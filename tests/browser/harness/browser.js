// One browser for each test file, and its visitors.

import { after, afterEach, before } from "node:test";

import { chromium } from "playwright-core";

import { Visitor } from "./visitor.js";

const FLAGS = [
	"--headless",
	"--no-sandbox", // CI runs as root, and what is visited is ours
	"--disable-gpu",
	"--disable-quic",
	"--no-first-run",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
	"--disable-features=IsolateSandboxedIframes", // screenshots are taken before other processes have painted
	"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1" // there is no internet
];

/** The time until any step fails, in milliseconds. */
export const PATIENCE = 15_000;

/**
 * Opens a browser while the tests of the surrounding `describe` run. Each test's visitors are closed after it, and it fails if
 * one of them had a problem: see `Visitor`.
 */
export function useBrowser() {
	let browser;
	let visitors = [];

	before(async () => {
		const executablePath = process.env.FAROE_CHROMIUM;
		if (!executablePath) {
			throw new Error("FAROE_CHROMIUM is not set; set it to the path of Chromium, or use ./run");
		}
		browser = await chromium.launch({ executablePath, args: FLAGS });
	});

	afterEach(async () => {
		const leaving = visitors;
		visitors = [];
		await Promise.all(leaving.map((visitor) => visitor.context.close()));
		for (const visitor of leaving) {
			visitor.sawNothingBad();
		}
	});

	after(() => browser?.close());

	return {
		/** Opens a browser profile for a new visitor. The options are those of Playwright's `newContext`. */
		async visitor(options = {}) {
			const context = await browser.newContext({ reducedMotion: "reduce", ...options });
			context.setDefaultTimeout(PATIENCE);
			const visitor = new Visitor(context, await context.newPage());
			visitors.push(visitor);
			return visitor;
		}
	};
}
