// Sign-up: every page and every error.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { useBrowser } from "../harness.js";
import { PASSWORD, Person, TOKEN, startSite } from "./site.js";

describe("sign-up", () => {
	const browser = useBrowser();
	let site;

	before(async () => (site = await startSite()));
	after(() => site?.stop());

	const somebody = async (options) => new Person(site, await browser.visitor(options));

	/** Creates a person who has requested a code. */
	async function withCode() {
		const person = await somebody();
		await person.open("/sign-up");
		await person.submit("Send the code", { "Email address": person.address });
		return { person, code: await site.code(person.address) };
	}

	/** Creates a person who has confirmed an address. */
	async function withAddress() {
		const { person, code } = await withCode();
		await person.submit("Confirm my address", { Code: code });
		person.isAt("/sign-up/password");
		return person;
	}

	it("leads from the front page through a code and a password to an account", async () => {
		const person = await somebody();
		await person.open("/");
		await person.visitor.look("web-app/welcome");
		await person.follow("Create an account");
		await person.visitor.look("web-app/sign-up");
		await person.submit("Send the code", { "Email address": ` ${person.address} ` });
		person.isAt("/sign-up/code");
		assert.match(await person.page.innerText("main"), new RegExp(person.address.replace("+", "\\+")));
		await person.visitor.look("web-app/sign-up-code");
		await person.submit("Confirm my address", { Code: await site.code(person.address) });
		person.isAt("/sign-up/password");
		await person.visitor.look("web-app/sign-up-password");
		await person.submit("Create my account", { Password: PASSWORD });
		person.isAt("/");
		await person.isTold(/Your account is ready/);
		await person.page.reload();
		assert.equal(await person.page.getByRole("status").count(), 0, "it is said once");
		await person.visitor.look("web-app/home");
		await person.isSignedIn();
	});

	it("accepts a code in lower case and in groups", async () => {
		const { person, code } = await withCode();
		const groups = `${code.slice(0, 4)}-${code.slice(4)} `.toLowerCase();
		await person.submit("Confirm my address", { Code: groups });
		person.isAt("/sign-up/password");
	});

	it("explains errors of an address, and keeps it", async () => {
		const person = await somebody();
		await person.open("/sign-up");
		await person.submit("Send the code");
		await person.isToldAt("Email address", /Enter your email address/);
		await person.submit("Send the code", { "Email address": "ada@" });
		await person.isToldAt("Email address", /should look like name@example\.com/);
		assert.equal(await person.typed("Email address"), "ada@");
		await person.visitor.look("web-app/sign-up-invalid");
		const long = `${"a".repeat(300)}@example.com`;
		await person.submit("Send the code", { "Email address": long });
		await person.isToldAt("Email address", /should look like name@example\.com/);
	});

	it("shows hostile input as text", async () => {
		const person = await somebody();
		const typed = `"><img src=x onerror=alert(1)>@example.com`;
		await person.open("/sign-up");
		await person.submit("Send the code", { "Email address": typed });
		await person.isToldAt("Email address", /should look like/);
		assert.equal(await person.typed("Email address"), typed);
		assert.equal(await person.page.locator("main img").count(), 0);
	});

	it("reports that an address has an account, and links to the sign-in", async () => {
		const person = await somebody();
		await person.signUp();
		const other = await somebody();
		await other.open("/sign-up");
		await other.submit("Send the code", { "Email address": person.address });
		await other.isToldAt("Email address", /There is already an account with this address/);
		await other.follow("Sign in");
		other.isAt("/sign-in");
	});

	it("says how long to wait after too many emails to an address", async () => {
		const person = await somebody();
		await person.send("/sign-up", { email_address: person.address }, 5);
		await person.open("/sign-up");
		await person.submit("Send the code", { "Email address": person.address });
		await person.isToldAt("Email address", /come back in half an hour/);
		assert.equal(await person.typed("Email address"), person.address);
	});

	it("sends the same code again, at most five times", async () => {
		const { person, code } = await withCode();
		await person.submit("send the code again");
		await person.isTold(/We have sent the code again/);
		await person.visitor.look("web-app/sign-up-code-again");
		await person.send("/sign-up/code/again", {}, 3);
		for (let sent = 1; sent < 5; sent++) {
			assert.equal(await site.code(person.address), code);
		}
		await person.submit("send the code again");
		person.isAt("/sign-up/code");
		await person.isTold(/We cannot send the code again right now/);
	});

	it("explains errors of a code, and counts only complete ones", async () => {
		const { person, code } = await withCode();
		for (const incomplete of ["", "ABC", `${code}2`]) {
			await person.submit("Confirm my address", { Code: incomplete });
			await person.isToldAt("Code", /8 letters and digits/);
		}
		await person.submit("Confirm my address", { Code: "IIIIIIII" });
		await person.isToldAt("Code", /not the code that we sent/);
		await person.visitor.look("web-app/sign-up-code-incorrect");
		await person.send("/sign-up/code", { code: "IIIIIIII" }, 4);
		await person.submit("Confirm my address", { Code: code });
		await person.isToldAt("Code", /Wait a minute/);
		assert.equal(await person.typed("Code"), "");
	});

	it("explains errors of a password, and never shows it", async () => {
		const person = await withAddress();
		for (const wrong of ["", "short", "x".repeat(101)]) {
			await person.submit("Create my account", { Password: wrong });
			await person.isToldAt("Password", /between 10 and 100 characters/);
			assert.equal(await person.typed("Password"), "");
		}
		await person.submit("Create my account", { Password: "password1234" });
		await person.isToldAt("Password", /too easy to guess/);
		assert.ok(!(await person.page.content()).includes("password1234"));
		await person.visitor.look("web-app/sign-up-password-weak");
		await person.submit("Create my account", { Password: PASSWORD });
		await person.isTold(/Your account is ready/);
	});

	it("continues at the current step, whichever page is opened", async () => {
		const { person, code } = await withCode();
		for (const page of ["/sign-up/password", "/sign-up/finish"]) {
			await person.open(page);
			person.isAt("/sign-up/code");
		}
		await person.submit("Confirm my address", { Code: code });
		for (const page of ["/sign-up/code", "/sign-up/finish"]) {
			await person.open(page);
			person.isAt("/sign-up/password");
		}
		await person.submit("Create my account", { Password: PASSWORD });
		await person.open("/sign-up");
		person.isAt("/");
	});

	it("starts at the first page without a sign-up, and reports an expired one", async () => {
		const person = await somebody();
		await person.open("/sign-up/code");
		person.isAt("/sign-up");
		await person.setCookie("__Host-sign-up", TOKEN);
		await person.open("/sign-up/code");
		person.isAt("/sign-up");
		await person.isTold(/This sign-up has ended/);
		await person.visitor.look("web-app/sign-up-ended");
	});

	it("ends in one tab when it is completed in another", async () => {
		const person = await withAddress();
		const tab = await person.visitor.context.newPage();
		await tab.goto(person.page.url());
		await person.submit("Create my account", { Password: PASSWORD });
		person.isAt("/");
		await tab.getByLabel("Password", { exact: true }).fill(PASSWORD);
		await tab.getByRole("button", { name: "Create my account" }).click();
		await tab.waitForURL(`${site.url}/`);
		await person.isSignedIn();
	});

	it("ends for the slower of two with the same address", async () => {
		const slower = await withAddress();
		const faster = await somebody();
		faster.address = slower.address;
		await faster.signUp();
		await slower.submit("Create my account", { Password: PASSWORD });
		slower.isAt("/sign-up");
		await slower.isTold(/This sign-up has ended/);
	});

	it("never sends a form twice: going back and reloading are harmless", async () => {
		const { person, code } = await withCode();
		await person.submit("Confirm my address", { Code: code });
		person.isAt("/sign-up/password");
		await person.page.reload();
		person.isAt("/sign-up/password");
		await person.page.goBack();
		person.isAt("/sign-up/password");
	});
});
