// Checks and screenshots of any page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = process.env.FAROE_SCREENSHOTS ?? fileURLToPath(new URL("../../../target/screenshots", import.meta.url));

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 800 };

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The rules of axe-core: WCAG 2.2, levels A and AA, and its best practices. */
const ALL_RULES = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] };

/** The rules that depend on the colour scheme. */
const COLOR_RULES = { type: "rule", values: ["color-contrast", "link-in-text-block"] };

/**
 * Takes screenshots of a page: `target/screenshots/NAME-phone-light.png`, `-phone-dark`, `-desktop-light`
 * and `-desktop-dark`. Fails if nothing can be seen, if something does not fit the width of a phone, or if axe-core finds
 * anything: a field without a label, a missing title or language, too little contrast in either scheme, and so on.
 *
 * Options: the colour `schemes` that the page has, and the IDs of axe-core's rules to `ignore`.
 */
export async function look(page, name, { schemes = ["light", "dark"], ignore = [] } = {}) {
	const before = page.viewportSize();
	for (const [size, viewport] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
		await page.setViewportSize(viewport);
		for (const colorScheme of schemes) {
			await page.emulateMedia({ colorScheme });
			if (size === "phone") {
				await assertFits(page, name);
				const rules = colorScheme === schemes[0] ? ALL_RULES : COLOR_RULES;
				await assertAccessible(page, `${name}, ${colorScheme}`, rules, ignore);
			}
			const path = join(FOLDER, `${name}-${size}-${colorScheme}.png`);
			// A screenshot of the whole page takes longer.
			const fullPage = await page.evaluate(() => document.documentElement.scrollHeight > innerHeight);
			await page.screenshot({ path, fullPage });
		}
	}
	await page.emulateMedia({ colorScheme: null });
	await page.setViewportSize(before);
}

async function assertFits(page, name) {
	const { text, content, screen } = await page.evaluate(() => ({
		text: document.body.innerText.trim(),
		content: document.documentElement.scrollWidth,
		screen: document.documentElement.clientWidth
	}));
	assert.notEqual(text, "", `${name}: nothing can be seen`);
	assert.ok(content <= screen, `${name}: ${content} pixels do not fit a phone's ${screen}`);
}

async function assertAccessible(page, what, runOnly, ignore) {
	if (!(await page.evaluate(() => "axe" in globalThis))) {
		await page.evaluate(AXE);
	}
	const options = {
		runOnly,
		resultTypes: ["violations"],
		iframes: false
	};
	const { violations } = await page.evaluate((options) => globalThis.axe.run(document, options), options);
	const found = violations
		.filter(({ id }) => !ignore.includes(id))
		.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
	assert.deepEqual(found, [], what);
}
