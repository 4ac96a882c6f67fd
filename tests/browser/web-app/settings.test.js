// Account settings: every page and every error.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { useBrowser } from "../harness.js";
import { NEW_PASSWORD, PASSWORD, Person, TOKEN, WRONG_PASSWORD, startSite } from "./site.js";

describe("settings", () => {
	const browser = useBrowser();
	let site;

	before(async () => (site = await startSite()));
	after(() => site?.stop());

	const somebody = async () => new Person(site, await browser.visitor());

	async function member() {
		const person = await somebody();
		await person.signUp();
		await person.open("/settings");
		return person;
	}

	/** Signs the same user in with another browser. */
	async function elsewhere(person) {
		const other = await somebody();
		other.address = person.address;
		await other.signIn();
		await other.isSignedIn();
		return other;
	}

	/** Requests a code for a new address. */
	async function withNewAddress() {
		const person = await member();
		const address = site.freshAddress();
		await person.open("/settings/email-address");
		await person.submit("Send the code", { "New email address": address });
		person.isAt("/settings/email-address/code");
		return { person, address, code: await site.code(address) };
	}

	it("require a sign-in", async () => {
		const person = await somebody();
		const pages = ["", "/email-address", "/email-address/code", "/password", "/password/new", "/delete-account"];
		for (const page of pages) {
			await person.open(`/settings${page}`);
			person.isAt("/sign-in");
			await person.isTold(/Please sign in to see that page/);
			assert.equal(await person.visitor.page.locator(".banner.problem").count(), 0, "it is no error");
		}
	});

	it("fit the longest address", async () => {
		const person = await somebody();
		person.address = `${"a.long.name".repeat(8)}@example.com`;
		await person.signUp();
		await person.visitor.look("web-app/home-long");
		await person.open("/settings");
		await person.visitor.look("web-app/settings-long");
	});

	it("change the address with the code and the password, and notify the old address", async () => {
		const person = await member();
		await person.visitor.look("web-app/settings");
		const [old, address] = [person.address, site.freshAddress()];
		await person.follow("Change address");
		await person.visitor.look("web-app/settings-address");
		await person.submit("Send the code", { "New email address": address });
		await person.visitor.look("web-app/settings-address-code");
		await person.submit("Confirm this address", { Code: await site.code(address) });
		person.isAt("/settings/email-address/password");
		await person.visitor.look("web-app/settings-address-password");
		await person.submit("Change my address", { "Your password": PASSWORD });
		person.isAt("/settings");
		await person.isTold(/Your address has been changed/);
		assert.match(await person.page.innerText("main"), new RegExp(address.replace("+", "\\+")));
		await person.visitor.look("web-app/settings-address-changed");
		let told = "";
		while (!told.includes("new address")) {
			told = await site.email(old);
		}
		assert.ok(told.includes(address));
		await person.submit("Sign out");
		await person.signIn();
		await person.isToldAt("Email address", /There is no account/);
		person.address = address;
		await person.signIn();
		await person.isSignedIn();
	});

	it("explain errors of a new address", async () => {
		const person = await member();
		const label = "New email address";
		await person.open("/settings/email-address");
		await person.submit("Send the code");
		await person.isToldAt(label, /Enter your email address/);
		await person.submit("Send the code", { [label]: "ada@" });
		await person.isToldAt(label, /should look like/);
		await person.submit("Send the code", { [label]: person.address });
		await person.isToldAt(label, /An account with this address already exists/);
		assert.equal(await person.typed(label), person.address);
		await person.visitor.look("web-app/settings-address-taken");
		const address = site.freshAddress();
		await person.send("/settings/email-address", { email_address: address }, 5);
		await person.submit("Send the code", { [label]: address });
		await person.isToldAt(label, /come back in half an hour/);
	});

	it("explain errors of the code for a new address, and send it again", async () => {
		const { person, address, code } = await withNewAddress();
		await person.submit("send the code again");
		await person.isTold(/We have sent the code again/);
		assert.equal(await site.code(address), code);
		await person.submit("Confirm this address", { Code: "ABC" });
		await person.isToldAt("Code", /8 letters and digits/);
		await person.submit("Confirm this address", { Code: "IIIIIIII" });
		await person.isToldAt("Code", /not the code that we sent/);
		await person.send("/settings/email-address/code", { code: "IIIIIIII" }, 4);
		await person.submit("Confirm this address", { Code: code });
		await person.isToldAt("Code", /Wait a minute/);
		await person.submit("send the code again");
		await person.isTold(/We cannot send the code again right now/);
	});

	it("do not change the address without the password", async () => {
		const { person, code } = await withNewAddress();
		await person.open("/settings/email-address/password");
		person.isAt("/settings/email-address/code");
		await person.submit("Confirm this address", { Code: code });
		await person.submit("Change my address", { "Your password": "" });
		await person.isToldAt("Your password", /Enter your password/);
		await person.submit("Change my address", { "Your password": WRONG_PASSWORD });
		await person.isToldAt("Your password", /This is not your password/);
		await person.send("/settings/email-address/password", { password: WRONG_PASSWORD }, 4);
		await person.submit("Change my address", { "Your password": PASSWORD });
		await person.isToldAt("Your password", /Wait a minute/);
		await person.open("/settings");
		assert.match(await person.page.innerText("main"), new RegExp(person.address.replace("+", "\\+")));
	});

	it("report that a change of address has ended", async () => {
		const { person, address, code } = await withNewAddress();
		const other = await somebody();
		other.address = address;
		await person.submit("Confirm this address", { Code: code });
		await other.signUp();
		await person.submit("Change my address", { "Your password": PASSWORD });
		person.isAt("/settings/email-address");
		await person.isTold(/Your address is still the old one/);
		await person.visitor.look("web-app/settings-address-ended");
		await person.setCookie("__Host-email-address", TOKEN);
		await person.open("/settings/email-address/code");
		person.isAt("/settings/email-address");
		await person.isTold(/Your address is still the old one/);
	});

	it("change the password and sign out all other devices", async () => {
		const person = await member();
		const other = await elsewhere(person);
		await person.follow("Change password");
		await person.visitor.look("web-app/settings-password");
		await person.submit("Continue", { "Current password": PASSWORD });
		person.isAt("/settings/password/new");
		await person.visitor.look("web-app/settings-password-new");
		await person.submit("Change my password", { "New password": NEW_PASSWORD });
		person.isAt("/settings");
		await person.isTold(/Your password has been changed/);
		await person.isSignedIn();
		await other.isSignedOut();
		await other.signIn();
		await other.isToldAt("Password", /not the password/);
		await other.signIn(NEW_PASSWORD);
		await other.isSignedIn();
	});

	it("explain errors of a password", async () => {
		const person = await member();
		await person.open("/settings/password/new");
		person.isAt("/settings/password");
		await person.submit("Continue");
		await person.isToldAt("Current password", /Enter your password/);
		await person.submit("Continue", { "Current password": WRONG_PASSWORD });
		await person.isToldAt("Current password", /This is not your password/);
		await person.submit("Continue", { "Current password": PASSWORD });
		await person.submit("Change my password", { "New password": "short" });
		await person.isToldAt("New password", /between 10 and 100 characters/);
		await person.send("/settings/password/new", { password: "short" }, 5);
		await person.submit("Change my password", { "New password": "qwertyuiop" });
		await person.isToldAt("New password", /too easy to guess/);
		await person.submit("Change my password", { "New password": NEW_PASSWORD });
		await person.isTold(/Your password has been changed/);
		await person.send("/settings/password", { password: PASSWORD }, 2);
		await person.open("/settings/password");
		await person.submit("Continue", { "Current password": PASSWORD });
		await person.isToldAt("Current password", /This is not your password/);
		await person.submit("Continue", { "Current password": NEW_PASSWORD });
		await person.isToldAt("Current password", /Wait a minute/);
	});

	it("report that a change of password has ended", async () => {
		const person = await member();
		await person.setCookie("__Host-password", TOKEN);
		await person.open("/settings/password/new");
		person.isAt("/settings/password");
		await person.isTold(/Your password is still the old one/);
	});

	it("bind a change to the session that started it", async () => {
		const { person } = await withNewAddress();
		const other = await elsewhere(person);
		const { value } = (await person.cookies())["__Host-email-address"];
		await other.setCookie("__Host-email-address", value);
		await other.open("/settings/email-address/code");
		other.isAt("/settings/email-address");
		await other.isTold(/Your address is still the old one/);
	});

	it("sign out everywhere", async () => {
		const person = await member();
		const other = await elsewhere(person);
		await person.submit("Sign out everywhere");
		person.isAt("/sign-in");
		await person.isTold(/signed out everywhere/);
		await person.isSignedOut();
		await other.isSignedOut();
	});

	it("delete the account with the password", async () => {
		const person = await member();
		const other = await elsewhere(person);
		await person.follow("Delete account");
		await person.visitor.look("web-app/settings-delete");
		await person.submit("Delete my account");
		await person.isToldAt("Your password", /Enter your password/);
		await person.submit("Delete my account", { "Your password": WRONG_PASSWORD });
		await person.isToldAt("Your password", /This is not your password/);
		await person.submit("Delete my account", { "Your password": PASSWORD });
		person.isAt("/");
		await person.isTold(/Your account and all of its data have been deleted/);
		await person.visitor.look("web-app/account-deleted");
		await person.isSignedOut();
		await other.isSignedOut();
		await person.signIn();
		await person.isToldAt("Email address", /There is no account/);
		await person.signUp();
	});

	it("do nothing for a session that has ended in the meantime", async () => {
		const person = await member();
		const other = await elsewhere(person);
		await person.open("/settings/delete-account");
		await other.open("/settings");
		await other.submit("Sign out everywhere");
		await person.submit("Delete my account", { "Your password": PASSWORD });
		person.isAt("/sign-in");
		await person.isTold(/You were signed out in the meantime|Please sign in/);
		await person.signIn();
		await person.isSignedIn();
	});
});
