// The harness itself: the problems that it must find.

import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { useBrowser } from "./harness.js";

/** A page without problems. */
const page = (body) => `<!doctype html><html lang="en"><head><title>A page</title>
	<meta name="viewport" content="width=device-width"></head>
	<body><main><h1>A page</h1>${body}</main></body></html>`;

describe("the harness", () => {
	const browser = useBrowser();

	const refuses = async (html, reason) => {
		const visitor = await browser.visitor();
		await visitor.page.setContent(html);
		await assert.rejects(visitor.look("harness"), reason);
	};

	it("accepts a page without problems", async () => {
		const visitor = await browser.visitor();
		await visitor.page.setContent(page(`<label>Name <input></label>`));
		await visitor.look("harness");
		visitor.sawNothingBad();
	});

	it("rejects a field without a label, and a page without a title or a language", async () => {
		await refuses(page(`<input>`), /label/);
		await refuses(page("").replace("<title>A page</title>", ""), /document-title/);
		await refuses(page("").replace(` lang="en"`, ""), /html-has-lang/);
	});

	it("rejects an empty page and a page wider than a phone", async () => {
		await refuses(`<!doctype html><html lang="en"><title>A page</title>`, /nothing can be seen/);
		await refuses(page(`<p style="width: 500px">wide</p>`), /do not fit/);
	});

	it("rejects text with too little contrast in either scheme", async () => {
		await refuses(page(`<p style="color: #ccc; background: #fff">faint</p>`), /color-contrast/);
		const dark = `@media (prefers-color-scheme: dark) { p { color: #444; background: #000 } }`;
		await refuses(page(`<style>${dark}</style><p>faint</p>`), /dark(.|\n)*color-contrast/);
	});

	it("detects errors, warnings, exceptions and requests to other machines", async () => {
		for (const script of ["console.error(1)", "console.warn(1)", "throw 1", "fetch('http://faroe.invalid').catch(() => 0)"]) {
			const visitor = await browser.visitor();
			await visitor.page.setContent(page(`<script>${script}</script>`));
			assert.throws(() => visitor.sawNothingBad(), script);
			visitor.expectProblem(/./);
		}
	});

	it("detects that an expected problem did not occur", async () => {
		const visitor = await browser.visitor();
		assert.doesNotThrow(() => visitor.sawNothingBad());
		visitor.expectProblem(/none/);
		assert.throws(() => visitor.sawNothingBad());
		await visitor.page.evaluate(() => console.error("none"));
	});
});
