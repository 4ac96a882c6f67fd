// Security headers and cookies, and requests of other sites.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";

import { reportPromise, useBrowser } from "../harness.js";
import { PASSWORD, Person, startSite } from "./site.js";

/** Every form of the website, with the fields that an attacker sends. */
const FORMS = {
	"/sign-up": { email_address: "mallory@example.com" },
	"/sign-up/code": { code: "ABCDEFGH" },
	"/sign-up/code/again": {},
	"/sign-up/password": { password: PASSWORD },
	"/sign-up/finish": {},
	"/sign-in": { email_address: "mallory@example.com", password: PASSWORD },
	"/sign-out": {},
	"/forgot-password": { email_address: "mallory@example.com" },
	"/forgot-password/temporary-password": { temporary_password: "ABCDEFGHJKLM" },
	"/forgot-password/new-password": { password: PASSWORD },
	"/forgot-password/finish": {},
	"/settings/email-address": { email_address: "mallory@example.com" },
	"/settings/email-address/code": { code: "ABCDEFGH" },
	"/settings/email-address/code/again": {},
	"/settings/email-address/password": { password: PASSWORD },
	"/settings/email-address/finish": {},
	"/settings/password": { password: PASSWORD },
	"/settings/password/new": { password: PASSWORD },
	"/settings/password/finish": {},
	"/settings/sign-out-everywhere": {},
	"/settings/delete-account": { password: PASSWORD }
};

/** The forms that could do most harm, and belong to no flow. */
const WORST_FORMS = ["/sign-in", "/sign-out", "/settings/sign-out-everywhere", "/settings/delete-account"];

describe("P54: the website in a browser", () => {
	const browser = useBrowser();
	let site;
	let attacker;

	before(async () => {
		site = await startSite();
		attacker = await startAttacker();
	});
	after(() => {
		site?.stop();
		attacker?.stop();
	});

	async function member() {
		const person = new Person(site, await browser.visitor());
		await person.signUp();
		return person;
	}

	it("keeps secrets only in cookies that no script and no other host can read", async () => {
		const person = new Person(site, await browser.visitor());
		const secrets = [];
		const assertSafe = async (...names) => {
			const cookies = await person.cookies();
			for (const name of names) {
				const { domain, path, httpOnly, secure, sameSite, value } = cookies[name];
				const expected = { domain: "localhost", path: "/", httpOnly: true, secure: true, sameSite: "Lax" };
				assert.deepEqual({ domain, path, httpOnly, secure, sameSite }, expected, name);
				secrets.push(value);
			}
			assert.deepEqual(Object.keys(cookies).sort(), names.sort());
			assert.equal(await person.page.evaluate(() => document.cookie), "");
			const content = await person.page.content();
			for (const secret of secrets) {
				assert.ok(!content.includes(secret) && !person.page.url().includes(secret));
			}
		};
		await person.open("/sign-up");
		await person.submit("Send the code", { "Email address": person.address });
		await assertSafe("__Host-sign-up");
		await person.submit("Confirm my address", { Code: await site.code(person.address) });
		await person.submit("Create my account", { Password: PASSWORD });
		await assertSafe("__Host-session");
		await person.open("/settings/password");
		await person.submit("Continue", { "Current password": PASSWORD });
		await assertSafe("__Host-password", "__Host-session");
		await person.open("/settings/email-address");
		await person.submit("Send the code", { "New email address": site.freshAddress() });
		await assertSafe("__Host-email-address", "__Host-password", "__Host-session");
		await person.submit("Sign out");
		await person.open("/forgot-password");
		await person.submit("Send it", { "Email address of your account": person.address });
		await assertSafe("__Host-email-address", "__Host-forgot-password", "__Host-password");
		reportPromise("P54", `${new Set(secrets).size} secrets, all in safe cookies only`);
	});

	// 127.0.0.1 is a different site from localhost. Another port of localhost is the same site, so the browser sends cookies.
	for (const host of ["127.0.0.1", "localhost"]) {
		it(`rejects a form submitted by a page of http://${host} on another port`, async () => {
			const person = await member();
			const session = (await person.cookies())["__Host-session"];
			person.visitor.expectProblem(/status of 403/);
			for (const path of WORST_FORMS) {
				await person.page.goto(attacker.form(host, site.url + path, FORMS[path]));
				const [answer] = await Promise.all([
					person.page.waitForResponse(site.url + path),
					person.page.getByRole("button").click()
				]);
				assert.equal(answer.status(), 403, path);
				await person.page.waitForLoadState();
				assert.match(await person.page.innerText("body"), /cross-site request refused/);
			}
			assert.deepEqual(await person.cookies(), { "__Host-session": session });
			await person.isSignedIn();
			reportPromise("P54", `${WORST_FORMS.length} forms submitted at ${host}, all refused`);
		});

		it(`rejects every form sent by a script of http://${host} on another port`, async () => {
			const person = await member();
			const session = (await person.cookies())["__Host-session"];
			person.visitor.expectProblem(/status of 403/);
			await person.page.goto(attacker.form(host, site.url, {}));
			for (const [path, fields] of Object.entries(FORMS)) {
				const answer = person.page.waitForResponse(site.url + path);
				await person.page.evaluate(
					([url, fields]) => {
						const body = new URLSearchParams(fields);
						fetch(url, { method: "POST", mode: "no-cors", credentials: "include", body });
					},
					[site.url + path, fields]
				);
				assert.equal((await answer).status(), 403, path);
			}
			assert.deepEqual(await person.cookies(), { "__Host-session": session });
			await person.isSignedIn();
			reportPromise("P54", `${Object.keys(FORMS).length} forms sent by a script at ${host}, all refused`);
		});
	}

	it("cannot be read by another site", async () => {
		const person = await member();
		person.visitor.expectProblem(/blocked by CORS policy/);
		person.visitor.expectProblem(/Failed to load resource/);
		await person.page.goto(attacker.form("localhost", site.url, {}));
		const read = (url) => fetch(url, { credentials: "include" }).then((answer) => answer.text(), () => "refused");
		assert.equal(await person.page.evaluate(read, `${site.url}/settings`), "refused");
	});

	it("cannot be framed by another site", async () => {
		const person = await member();
		person.visitor.expectProblem(/frame-ancestors 'none'/);
		await person.page.goto(attacker.frame("localhost", `${site.url}/settings/delete-account`));
		const frame = person.page.frames()[1];
		assert.ok(!(await frame.content()).includes("Delete"));
		reportPromise("P54", "no page in a frame");
	});

	it("runs no script, even an injected one", async () => {
		const person = await member();
		person.visitor.expectProblem(/Content Security Policy/);
		await person.page.evaluate(() => {
			const script = document.createElement("script");
			script.textContent = "document.title = 'taken over'";
			document.body.append(script);
		});
		assert.match(await person.page.title(), /Juniper/);
	});

	it("sends no referrer to other sites", async () => {
		const person = await member();
		await person.open("/settings");
		await person.page.evaluate((url) => {
			const link = document.createElement("a");
			link.href = url;
			link.textContent = "elsewhere";
			document.body.append(link);
		}, attacker.form("127.0.0.1", site.url, {}));
		const [request] = await Promise.all([
			person.page.waitForRequest((request) => request.url().startsWith("http://127.0.0.1")),
			person.page.getByRole("link", { name: "elsewhere" }).click()
		]);
		assert.equal((await request.allHeaders()).referer, undefined);
	});

	it("sends its security headers with every response", async () => {
		const answers = [
			fetch(`${site.url}/`),
			fetch(`${site.url}/nothing`),
			fetch(`${site.url}/settings`, { redirect: "manual" }),
			fetch(`${site.url}/sign-in`, { method: "POST", headers: { Origin: "https://mallory.example" } }),
			fetch(`${site.url}/sign-in`, { method: "POST" }),
			fetch(`${site.url}/assets/style.css`)
		];
		const statuses = [];
		for (const { status, headers } of await Promise.all(answers)) {
			statuses.push(status);
			const policy = headers.get("Content-Security-Policy");
			assert.match(policy, /^default-src 'none';.*frame-ancestors 'none'/);
			assert.ok(!policy.includes("script") && !policy.includes("unsafe"));
			assert.equal(headers.get("X-Content-Type-Options"), "nosniff");
			assert.equal(headers.get("Referrer-Policy"), "same-origin");
			assert.equal(headers.get("Strict-Transport-Security"), "max-age=31536000");
		}
		assert.deepEqual(statuses, [200, 404, 303, 403, 415, 200]);
	});

	it("answers every form with a redirect that is not cached", async () => {
		for (const [path, fields] of Object.entries(FORMS)) {
			const headers = { Origin: site.url, "Sec-Fetch-Site": "same-origin" };
			const body = new URLSearchParams(fields);
			const answer = await fetch(site.url + path, { method: "POST", redirect: "manual", headers, body });
			assert.equal(answer.status, 303, path);
			assert.equal(answer.headers.get("Cache-Control"), "no-store", path);
			assert.match(answer.headers.get("Location"), /^\/[^/]*/, path);
		}
	});

	it("works without JavaScript", async () => {
		const person = new Person(site, await browser.visitor({ javaScriptEnabled: false }));
		await person.signUpByHand();
		await person.submit("Sign out");
		await person.isTold(/You are signed out/);
		await person.signIn();
		await person.isSignedIn();
		await person.open("/settings/delete-account");
		await person.submit("Delete my account", { "Your password": PASSWORD });
		await person.isTold(/Your account and all of its data have been deleted/);
	});
});

/** Starts an attacker's website, on every loopback address. */
async function startAttacker() {
	const server = createServer((request, response) => {
		const { pathname, searchParams } = new URL(request.url, "http://localhost");
		const { url, ...fields } = Object.fromEntries(searchParams);
		const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`);
		response.setHeader("Content-Type", "text/html");
		response.end(
			pathname === "/frame"
				? `<!doctype html><title>Prizes</title><iframe src="${url}"></iframe>`
				: `<!doctype html><link rel="icon" href="data:,"><title>Prizes</title>
					<form method="post" action="${url}">${inputs.join("")}<button>Win</button></form>`
		);
	});
	server.listen(0);
	await once(server, "listening");
	const { port } = server.address();
	const address = (host, page, parameters) => `http://${host}:${port}/${page}?${new URLSearchParams(parameters)}`;
	return {
		/** Returns the address of a page with a form that is sent to `url`. */
		form: (host, url, fields) => address(host, "form", { url, ...fields }),
		/** Returns the address of a page with `url` in a frame. */
		frame: (host, url) => address(host, "frame", { url }),
		stop() {
			server.close();
			server.closeAllConnections();
		}
	};
}
