// The development console: a newcomer, every flow, every kind of error, the inbox, and requests that must not reach it.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import initSqlJs from "sql.js";

import { startProgram, startServer, useBrowser } from "./harness.js";

/** A display name that tries to become markup, to run scripts and to leave its frame. */
const HOSTILE = `</pre></p><img src=x onerror="parent.document.title='owned'"><script>top.owned = 1</script><a target=_top href=//faroe.invalid>`;

describe("the development console", () => {
	const browser = useBrowser();
	let server;

	before(async () => (server = await startServer()));
	after(() => server?.stop());

	/** Opens the console as a new visitor. */
	async function visit(place = "", url = server.url) {
		const visitor = await browser.visitor({ permissions: ["clipboard-read", "clipboard-write"] });
		const { page } = visitor;
		const press = (name) => page.getByRole("button", { name, exact: true }).click();
		const expectOpen = (step) => page.getByRole("button", { name: step, expanded: true }).waitFor();
		await page.goto(`${url}/dev${place}`);
		return Object.assign(visitor, {
			press,
			expectOpen,
			main: page.getByRole("main"),
			latest: page.getByRole("complementary").locator(".card").first(),
			finished: () => page.getByRole("heading", { name: "All steps done" }).waitFor(),
			goTo: (name) => page.getByRole("navigation").getByRole("link", { name }).click(),
			async signUp(address) {
				const isThere = await page.evaluate(() => location.hash === "#/flow/sign-up");
				await page.getByRole("navigation").getByRole("link", { name: "Sign up" }).click();
				if (!isThere) {
					// The page is rendered again, which must not come between the steps below.
					await page.waitForFunction(() => document.activeElement.id === "main");
				}
				await page.getByLabel("Email address").fill(address);
				await press("Start the sign-up");
				await press("Fill in");
				await press("Verify the code");
				await press("Set the password");
				await press("Complete the sign-up");
				await this.finished();
			}
		});
	}

	it("can be used with the keyboard alone for sign-up, sign-in and password reset", async () => {
		const visitor = await visit();
		const { page, finished } = visitor;
		const enter = () => page.keyboard.press("Enter");
		const focused = () => page.evaluate(() => document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent);
		const tabTo = async (name) => {
			for (let presses = 0; (await focused()) !== name; presses++) {
				assert.ok(presses < 40, `Tab does not lead to ${name}`);
				await page.keyboard.press("Tab");
			}
		};
		const expectFocus = (name) => page.waitForFunction((name) => {
			const { activeElement } = document;
			return (activeElement.labels?.[0]?.textContent ?? activeElement.textContent) === name;
		}, name);

		await visitor.look("console-start");
		await tabTo("Email address");
		await enter();
		await expectFocus("Code");
		await tabTo("Fill in");
		await visitor.look("console-code");
		await enter();
		await expectFocus("Verify the code");
		await enter();
		await expectFocus("New password");
		await enter();
		await expectFocus("Complete the sign-up");
		await enter();
		await finished();
		await visitor.look("console-signed-up");
		assert.match(await page.getByText("Signed in as").textContent(), /ada@example\.com/);

		await tabTo("Sign in");
		await enter();
		await tabTo("Email address of the user");
		await enter();
		await expectFocus("Password");
		await enter();
		await expectFocus("Complete the sign-in");
		await enter();
		await finished();

		await tabTo("Reset the password");
		await enter();
		await tabTo("Email address of the user");
		await enter();
		await expectFocus("Temporary password");
		await tabTo("Fill in");
		await enter();
		await expectFocus("Verify the temporary password");
		await enter();
		await expectFocus("New password");
		await enter();
		await expectFocus("Complete the reset");
		await enter();
		await finished();
		await visitor.look("console-password-reset");
	});

	it("offers the flows of a user who is signed in", async () => {
		const visitor = await visit("#/flow/session");
		const { page, main, press, finished, goTo } = visitor;
		await main.getByText("You are not signed in").waitFor();
		await visitor.look("console-signed-out");
		await visitor.signUp("walker@example.com");

		await goTo("Session");
		await press("Who is signed in?");
		await visitor.latest.getByText("user_id").waitFor();
		await visitor.look("console-session");

		await goTo("Change the address");
		await page.getByLabel("New email address").fill("walker2@example.com");
		await press("Start the change");
		await press("Send the code again");
		await main.getByText("Done.").waitFor();
		await press("Fill in");
		await press("Verify the code");
		await press("Verify the password");
		await press("Complete the change");
		await finished();

		await goTo("Change the password");
		await press("Start the change");
		await press("Verify the password");
		const password = page.getByLabel("New password");
		assert.notEqual(await password.inputValue(), "seven wet umbrellas");
		await password.fill("a brand new umbrella stand");
		await press("Set the new password");
		await press("Complete the change");
		await finished();

		await goTo("Sign in");
		assert.equal(await page.getByLabel("Email address of the user").inputValue(), "walker2@example.com");
		await press("Start the sign-in");
		await press("Verify the password");
		await press("Complete the sign-in");
		await finished();

		await goTo("Delete the account");
		await press("Start the deletion");
		await press("Read the deletion");
		await visitor.latest.getByText("user_identity_verified").waitFor();
		await press("Verify the password");
		await press("Delete the user");
		await finished();
		await page.getByText("Not signed in", { exact: true }).waitFor();
		await visitor.look("console-deleted");
	});

	it("shows an empty inbox in one sentence", async (test) => {
		const fresh = await startServer();
		test.after(() => fresh.stop());
		const visitor = await visit("#/inbox", fresh.url);
		const sentence = visitor.main.getByText(/No email yet/);
		const lines = await sentence.evaluate((element) => {
			const range = document.createRange();
			range.selectNodeContents(element);
			return new Set([...range.getClientRects()].map(({ top }) => Math.round(top / 20))).size;
		});
		assert.equal(lines, 1, await sentence.innerText());
		await visitor.look("console-inbox-empty");
	});

	it("selects what it suggests, so that typing replaces it", async () => {
		const { page, press } = await visit();
		await page.getByLabel("Email address").fill("typist@example.com");
		await press("Start the sign-up");
		await press("Fill in");
		await press("Verify the code");
		const password = page.getByLabel("New password");
		await page.waitForFunction(() => document.activeElement.name === "password");
		await page.keyboard.type("six green bicycles");
		assert.equal(await password.inputValue(), "six green bicycles");
	});

	it("takes leave after a sign-out, and shows the requests of this page only", async () => {
		const visitor = await visit();
		const { page, main, latest, press, goTo } = visitor;
		await visitor.signUp("leaver@example.com");
		assert.equal(await main.locator(".finished .primary").count(), 1, "one button is the one to press");
		await goTo("Session");
		await latest.getByText("The requests of this page").waitFor();
		await press("Sign out");
		await page.getByRole("heading", { name: "Signed out" }).waitFor();
		assert.equal(await main.getByText("You are not signed in").count(), 0);
		await latest.getByText("delete_session", { exact: true }).waitFor();
		await visitor.look("console-after-sign-out");
		await goTo("Change the address");
		await main.getByText("You are not signed in").waitFor();
	});

	it("keeps its state when the page is reloaded", async () => {
		const { page, press, expectOpen, finished } = await visit();
		await page.getByLabel("Email address").fill("patient@example.com");
		await press("Start the sign-up");
		await expectOpen(/Enter the code/);
		await page.reload();
		await expectOpen(/Enter the code/);
		await press("Fill in");
		await press("Verify the code");
		await press("Set the password");
		await press("Complete the sign-up");
		await finished();
	});

	it("shows each request and response, and copies requests as curl commands", async () => {
		const { page, latest, press } = await visit();
		await page.getByLabel("Email address").fill("o'neil@example.com");
		await press("Start the sign-up");
		await latest.getByText("signup_token").waitFor();
		assert.match(await latest.innerText(), /POST \/[^]*"action": "create_signup"[^]*"o'neil@example\.com"[^]*200[^]*"ok": true/);
		await press("Copy as curl");
		const command = await page.evaluate(() => navigator.clipboard.readText());
		const body = String.raw`{"action":"create_signup","arguments":{"email_address":"o'\''neil@example.com"}}`;
		assert.equal(command, `curl ${server.url} -d '${body}'`);
	});

	it("explains errors and how to fix them", async () => {
		const visitor = await visit();
		const { page, main, press, goTo } = visitor;
		const alert = main.getByRole("alert");
		const expectError = async (code, text) => {
			await alert.getByText(code, { exact: true }).waitFor();
			assert.match(await alert.innerText(), text);
		};
		const address = page.getByLabel("Email address");
		await address.fill("nonsense");
		await press("Start the sign-up");
		await expectError("invalid_email_address", /one @/);

		await address.fill("clumsy@example.com");
		await press("Start the sign-up");
		await page.getByLabel("Code").fill("WRQNGQNE");
		await press("Verify the code");
		await expectError("incorrect_email_address_verification_code", /newest email/);
		await visitor.look("console-wrong-code");
		for (let attempt = 0; attempt < 4; attempt++) {
			await press("Verify the code");
			await page.waitForFunction((count) => document.querySelectorAll("aside details").length >= count, attempt + 3);
		}
		await press("Verify the code");
		await expectError("rate_limited", /each minute/);

		// The steps can be tried out of order.
		await page.getByRole("button", { name: /Create the user/ }).click();
		await press("Complete the sign-up");
		await expectError("email_address_not_verified", /code from the inbox/);

		await press("Cancel the sign-up");
		await visitor.signUp("clumsy@example.com");
		await press("Run again");
		await address.fill("clumsy@example.com");
		await press("Start the sign-up");
		await expectError("email_address_already_used", /another address/);
		await page.getByRole("button", { name: /^Use / }).click();
		await press("Start the sign-up");
		await press("Fill in");
		await press("Verify the code");
		await page.getByLabel("New password").fill("short");
		await press("Set the password");
		await expectError("invalid_password_length", /at least 10/);
		await page.getByLabel("New password").fill("password123456");
		await press("Set the password");
		await expectError("weak_password", /three words/);

		await goTo("Sign in");
		await page.getByLabel("Email address of the user").fill("Clumsy@example.com");
		await press("Start the sign-in");
		await expectError("user_not_found", /Upper and lower case/);
		await visitor.look("console-user-not-found");
		await page.getByLabel("Email address of the user").fill("clumsy@example.com");
		await press("Start the sign-in");
		await page.getByLabel("Password", { exact: true }).fill("not the password");
		await press("Verify the password");
		await expectError("incorrect_password", /five attempts/);
	});

	it("offers to start over when a flow or a session has ended", async () => {
		const visitor = await visit();
		const { page, main, press, expectOpen, goTo } = visitor;
		const invoke = (action, values) => page.evaluate(
			({ action, values }) => {
				const { tokens } = JSON.parse(sessionStorage.getItem("faroe-console"));
				const names = Object.fromEntries(values.map((name) => [name, tokens[name]]));
				return fetch("/", { method: "POST", body: JSON.stringify({ action, arguments: names }) });
			},
			{ action, values }
		);
		await page.getByLabel("Email address").fill("late@example.com");
		await press("Start the sign-up");
		await expectOpen(/Enter the code/);
		await invoke("delete_signup", ["signup_token"]);
		await press("Fill in");
		await press("Verify the code");
		await main.getByText("invalid_signup_token", { exact: true }).waitFor();
		await press("Start over");
		await expectOpen(/Enter an email address/);

		await visitor.signUp("later@example.com");
		await goTo("Session");
		await invoke("delete_session", ["session_token"]);
		await press("Who is signed in?");
		await main.getByText("You are not signed in").waitFor();
	});

	it("does not confuse the late end of a flow with the next flow", async () => {
		const { page, main, press, expectOpen } = await visit();
		const address = page.getByLabel("Email address");
		await address.fill("first@example.com");
		await press("Start the sign-up");
		await expectOpen(/Enter the code/);
		let letThrough;
		const held = new Promise((resolve) => (letThrough = resolve));
		await page.route(`${server.url}/`, async (route) => {
			const isEnd = route.request().postDataJSON().action === "delete_signup";
			await (isEnd && held);
			await route.continue();
		});
		await press("Cancel the sign-up");
		await page.getByRole("button", { name: /Enter an email address/ }).click();
		await address.fill("second@example.com");
		await press("Start the sign-up");
		await page.getByText("second@example.com", { exact: true }).first().waitFor();
		const answered = page.waitForResponse((response) => response.request().postDataJSON()?.action === "delete_signup");
		letThrough();
		await (await answered).finished();
		await main.getByText("See the answer under").waitFor();
		await press("Fill in");
		await press("Verify the code");
		await expectOpen(/Choose a password/);
	});

	it("continues when the inbox does not respond", async () => {
		const { page, press, expectOpen } = await visit();
		await page.route("**/dev/inbox*", () => {});
		await page.getByLabel("Email address").fill("alone@example.com");
		await press("Start the sign-up");
		await expectOpen(/Enter the code/);
	});

	it("renders a change once, and not again while the user continues", async () => {
		const { page, press, goTo } = await visit();
		const address = page.getByLabel("Email address");
		await address.fill("quick@example.com");
		await press("Start the sign-up");
		await page.getByLabel("Code").waitFor();
		let letThrough;
		const held = new Promise((resolve) => (letThrough = resolve));
		await page.route("**/dev/inbox*", async (route) => {
			await held;
			await route.continue();
		});
		const answered = page.waitForResponse((response) => response.request().method() === "POST");
		await press("Cancel the sign-up");
		await (await answered).finished();
		await goTo("Sign up");
		await page.waitForFunction(() => document.activeElement.id === "main");
		assert.equal(await address.count(), 0);
		letThrough();
		await address.waitFor();
	});

	it("sends any of the 39 actions and any other request body", async () => {
		const visitor = await visit("#/actions");
		const { page, main, latest, press } = visitor;
		const choice = page.getByLabel("Action");
		const actions = await choice.locator("option").allTextContents();
		assert.equal(actions.length, 39);
		for (const action of actions) {
			await choice.selectOption(action);
			await main.getByRole("heading", { name: action, exact: true }).waitFor();
			await press("Send");
			await main.getByRole("alert").waitFor();
			assert.match(await latest.innerText(), new RegExp(`^${action}\\b[^]*\\b200\\b`));
		}
		assert.equal(await page.locator("aside details").count(), 38);
		await choice.selectOption("get_session");
		await visitor.look("console-any-action");
		await page.getByLabel("Request body").fill(`{"action": "get_session", "arguments": {"session_token": 1}}`);
		visitor.expectProblem(/400/);
		await press("Send");
		await main.getByText("This is not a valid request").waitFor();
		await visitor.look("console-invalid-request");
	});

	it("shows an email as soon as it is sent, rendered", async () => {
		const visitor = await visit("#/inbox");
		const { page, main } = visitor;
		await fetch(server.url, { method: "POST", body: JSON.stringify({ action: "create_signup", arguments: { email_address: "reader@example.com" } }) });
		const link = main.getByRole("link", { name: /reader@example\.com/ });
		await link.click();
		const code = await server.lastCode("reader@example.com");
		await main.getByRole("button", { name: "Copy the code" }).click();
		assert.equal(await page.evaluate(() => navigator.clipboard.readText()), code);
		assert.match(await main.getByLabel("Text part").innerText(), new RegExp(code));
		await page.frameLocator("iframe").getByText(code).first().waitFor();
		await visitor.look("console-inbox");
	});

	it("reports that the server has stopped", async () => {
		const short = await startServer();
		const visitor = await visit("", short.url);
		const { page, main, press } = visitor;
		await short.stop();
		visitor.expectProblem(/ERR_CONNECTION_REFUSED/);
		await page.getByText("The server does not respond", { exact: true }).waitFor();
		await press("Start the sign-up");
		await main.getByRole("alert").getByText("Check its terminal").waitFor();
	});

	it("shows a hostile display name as text and runs none of it", async () => {
		const folder = await mkdtemp(join(tmpdir(), "faroe-console-"));
		const users = join(folder, "users.sqlite3");
		await writeFile(users, await usersCalled(HOSTILE));
		const configuration = join(folder, "faroe.toml");
		await writeFile(configuration, `user_store = ${JSON.stringify(`sqlite:${users}`)}\n[users_table]\n`);
		const other = await startProgram("FAROE_SERVER_BINARY", ["--config", configuration, "--listen", "127.0.0.1:0", "--log", "warn"]);
		try {
			const visitor = await visit("", other.url);
			const { page, main, press, goTo } = visitor;
			await visitor.signUp("mallory@example.com");
			await goTo("Reset the password");
			await press("Start the reset");
			await press("Fill in");
			await goTo("Inbox");
			await main.getByRole("article").waitFor();
			const frame = main.locator("iframe");
			await frame.contentFrame().getByText("onerror").first().waitFor();
			assert.equal(await frame.getAttribute("sandbox"), "");
			assert.match(await main.getByLabel("Text part").innerText(), /onerror/);
			await visitor.look("console-hostile-name");

			// The document is as harmless outside its frame, and so is markup in it.
			const source = await frame.getAttribute("src");
			const answer = await page.goto(new URL(source, other.url).href);
			assert.match(answer.headers()["content-security-policy"], /^sandbox; default-src 'none'/);
			assert.equal(await page.locator("img, script, a").count(), 0);
			assert.equal(await page.evaluate(() => globalThis.origin).catch(() => "null"), "null");
			assert.notEqual(await page.title(), "owned");
		} finally {
			await other.stop();
			await rm(folder, { recursive: true });
		}
	});

	it("cannot be read or framed by pages of another site", async () => {
		const site = createServer((request, response) => {
			response.setHeader("content-type", "text/html");
			response.end(`<!doctype html><html lang="en"><title>Another site</title><h1>Another site</h1>`);
		});
		await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
		try {
			const visitor = await browser.visitor();
			const { page } = visitor;
			visitor.expectProblem(/./);
			await page.goto(`http://127.0.0.1:${site.address().port}`);
			for (const path of ["/dev/inbox", "/dev/inbox/1/html", "/dev"]) {
				for (const mode of ["cors", "no-cors"]) {
					const read = await page.evaluate(
						([url, mode]) => fetch(url, { mode }).then((answer) => answer.text().then((text) => text.length), () => "refused"),
						[server.url + path, mode]
					);
					assert.ok(read === "refused" || read === 0 || (mode === "cors" && read < 100), `${path}, ${mode}: ${read}`);
				}
				const framed = await page.evaluate(async (url) => {
					const frame = document.createElement("iframe");
					frame.src = url;
					await new Promise((resolve) => {
						frame.onload = resolve;
						document.body.append(frame);
					});
					return frame.contentDocument === null ? "another document" : frame.contentDocument.body.textContent;
				}, server.url + path);
				assert.ok(["", "another document"].includes(framed), `${path}: ${framed}`);
				const frame = page.frames().at(-1);
				assert.equal(await frame.getByRole("heading", { name: "Sign up" }).count(), 0);
			}
		} finally {
			site.close();
		}
	});
});

/** Creates a users table in SQLite in which every user has this display name. */
async function usersCalled(name) {
	const SQL = await initSqlJs();
	const database = new SQL.Database();
	database.run(`CREATE TABLE users (
		id TEXT NOT NULL PRIMARY KEY,
		email_address TEXT NOT NULL UNIQUE,
		password_hash BLOB NOT NULL,
		password_hash_algorithm_id TEXT NOT NULL,
		password_salt BLOB NOT NULL,
		disabled INTEGER NOT NULL DEFAULT 0,
		display_name TEXT NOT NULL DEFAULT '${name.replaceAll("'", "''")}',
		email_address_counter INTEGER NOT NULL DEFAULT 0,
		password_hash_counter INTEGER NOT NULL DEFAULT 0,
		disabled_counter INTEGER NOT NULL DEFAULT 0,
		sessions_counter INTEGER NOT NULL DEFAULT 0
	)`);
	return database.export();
}
