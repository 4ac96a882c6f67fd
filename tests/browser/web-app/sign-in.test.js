// Sign-in, sign-out and a forgotten password: every page and every error.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { useBrowser } from "../harness.js";
import { NEW_PASSWORD, PASSWORD, Person, TOKEN, WRONG_PASSWORD, startSite } from "./site.js";

describe("sign-in", () => {
	const browser = useBrowser();
	let site;

	before(async () => (site = await startSite()));
	after(() => site?.stop());

	const somebody = async () => new Person(site, await browser.visitor());

	/** Creates a person with an account who is not signed in. */
	async function withAccount() {
		const person = await somebody();
		await person.signUp();
		await person.submit("Sign out");
		await person.isTold(/You are signed out/);
		return person;
	}

	/** Creates a person who has requested a temporary password. */
	async function withTemporaryPassword() {
		const person = await withAccount();
		await person.open("/forgot-password");
		await person.submit("Send it", { "Email address of your account": person.address });
		person.isAt("/forgot-password/temporary-password");
		return { person, temporary: await site.code(person.address) };
	}

	it("signs in with the password, notifies the user, and signs out", async () => {
		const person = await withAccount();
		await person.follow("Sign in");
		await person.visitor.look("web-app/sign-in");
		await person.submit("Sign in", { "Email address": person.address, Password: PASSWORD });
		person.isAt("/");
		assert.match(await site.email(person.address), /New sign-in/);
		await person.isSignedIn();
		await person.open("/sign-in");
		person.isAt("/");
		await person.submit("Sign out");
		await person.isSignedOut();
		await person.isTold(/Please sign in to see that page/);
		await person.visitor.look("web-app/sign-in-first");
	});

	it("leads to the page that was wanted, also after a wrong password, and to none of another site", async () => {
		const person = await withAccount();
		await person.open("/settings/password");
		person.isAt("/sign-in");
		await person.submit("Sign in", { "Email address": person.address, Password: "wrong umbrellas" });
		person.isAt("/sign-in");
		await person.submit("Sign in", { "Email address": person.address, Password: PASSWORD });
		person.isAt("/settings/password");
		for (const then of ["https://faroe.invalid/", "//faroe.invalid/", "/settings/../sign-up"]) {
			await person.submit("Sign out");
			await person.open(`/sign-in?then=${encodeURIComponent(then)}`);
			await person.submit("Sign in", { "Email address": person.address, Password: PASSWORD });
			person.isAt("/");
		}
	});

	it("ends the session, not only the cookie", async () => {
		const person = await somebody();
		await person.signUp();
		const { value } = (await person.cookies())["__Host-session"];
		await person.submit("Sign out");
		await person.setCookie("__Host-session", value);
		await person.isSignedOut();
	});

	it("shows no account data when the user goes back after the sign-out", async () => {
		const person = await somebody();
		await person.signUp();
		await person.isSignedIn();
		await person.submit("Sign out");
		await person.page.goBack();
		person.isAt("/sign-in");
	});

	it("explains errors, and keeps the address but not the password", async () => {
		const person = await withAccount();
		await person.open("/sign-in");
		await person.submit("Sign in");
		await person.isToldAt("Email address", /Enter your email address/);
		await person.submit("Sign in", { "Email address": "ada", Password: PASSWORD });
		await person.isToldAt("Email address", /should look like/);
		await person.submit("Sign in", { "Email address": site.freshAddress(), Password: PASSWORD });
		await person.isToldAt("Email address", /There is no account with this address/);
		await person.visitor.look("web-app/sign-in-unknown");
		await person.submit("Sign in", { "Email address": person.address, Password: "" });
		await person.isToldAt("Password", /Enter your password/);
		await person.submit("Sign in", { Password: WRONG_PASSWORD });
		await person.isToldAt("Password", /not the password of this account/);
		assert.equal(await person.typed("Email address"), person.address);
		assert.equal(await person.typed("Password"), "");
		assert.ok(!(await person.page.content()).includes(WRONG_PASSWORD));
		await person.visitor.look("web-app/sign-in-incorrect");
	});

	it("allows five attempts at a password, and then rejects even the correct one", async () => {
		const person = await withAccount();
		await person.send("/sign-in", { email_address: person.address, password: WRONG_PASSWORD }, 4);
		await person.signIn(WRONG_PASSWORD);
		await person.isToldAt("Password", /not the password/);
		await person.signIn();
		await person.isToldAt("Password", /Wait a minute/);
		await person.isSignedOut();
	});

	it("reports a disabled account, and ends its session", async () => {
		const person = await somebody();
		await person.signUp();
		site.sql(
			`UPDATE users SET disabled = 1, disabled_counter = disabled_counter + 1 WHERE email_address = '${person.address}'`
		);
		await person.isSignedOut();
		await person.signIn();
		await person.isTold(/This account is disabled/);
		assert.equal(await person.typed("Email address"), person.address);
		await person.visitor.look("web-app/sign-in-disabled");
		await person.open("/forgot-password");
		await person.submit("Send it", { "Email address of your account": person.address });
		await person.isTold(/This account is disabled/);
	});

	it("replaces a forgotten password using a temporary one", async () => {
		const person = await withAccount();
		const elsewhere = await somebody();
		elsewhere.address = person.address;
		await elsewhere.signIn();
		await elsewhere.isSignedIn();
		await person.open("/sign-in");
		await person.follow("Forgot your password?");
		await person.visitor.look("web-app/forgot-password");
		await person.submit("Send it", { "Email address of your account": person.address });
		person.isAt("/forgot-password/temporary-password");
		await person.visitor.look("web-app/forgot-password-temporary");
		const temporary = await site.code(person.address);
		await person.submit("Continue", { "Temporary password": ` ${temporary.toLowerCase()} ` });
		person.isAt("/forgot-password/new-password");
		await person.visitor.look("web-app/forgot-password-new");
		await person.submit("Set my new password", { "New password": NEW_PASSWORD });
		await person.isTold(/Your new password is set/);
		await person.isSignedIn();
		await elsewhere.isSignedOut();
		await elsewhere.signIn();
		await elsewhere.isToldAt("Password", /not the password/);
		await elsewhere.signIn(NEW_PASSWORD);
		await elsewhere.isSignedIn();
	});

	it("explains errors of the address of a password reset", async () => {
		const person = await withAccount();
		const label = "Email address of your account";
		await person.open("/forgot-password");
		await person.submit("Send it");
		await person.isToldAt(label, /Enter your email address/);
		await person.submit("Send it", { [label]: "ada@" });
		await person.isToldAt(label, /should look like/);
		const unknown = site.freshAddress();
		await person.submit("Send it", { [label]: unknown });
		await person.isToldAt(label, /There is no account/);
		assert.equal(await person.typed(label), unknown);
		// One of the five emails was sent for the sign-up.
		await person.send("/forgot-password", { email_address: person.address }, 4);
		await person.submit("Send it", { [label]: person.address });
		await person.isToldAt(label, /come back in half an hour/);
	});

	it("explains errors of a temporary password, and counts only complete ones", async () => {
		const { person, temporary } = await withTemporaryPassword();
		const label = "Temporary password";
		await person.submit("Continue", { [label]: "ABC" });
		await person.isToldAt(label, /12 letters and digits/);
		await person.send("/forgot-password/temporary-password", { temporary_password: "IIIIIIIIIIII" }, 4);
		await person.submit("Continue", { [label]: "IIIIIIIIIIII" });
		await person.isToldAt(label, /not the temporary password/);
		await person.visitor.look("web-app/forgot-password-incorrect");
		await person.submit("Continue", { [label]: temporary });
		await person.isToldAt(label, /Wait a minute/);
	});

	it("explains errors of a new password, and continues at the same step", async () => {
		const { person, temporary } = await withTemporaryPassword();
		await person.open("/forgot-password/new-password");
		person.isAt("/forgot-password/temporary-password");
		await person.submit("Continue", { "Temporary password": temporary });
		await person.submit("Set my new password", { "New password": "short" });
		await person.isToldAt("New password", /between 10 and 100 characters/);
		await person.submit("Set my new password", { "New password": "qwertyuiop" });
		await person.isToldAt("New password", /too easy to guess/);
		await person.open("/forgot-password/finish");
		person.isAt("/forgot-password/new-password");
		await person.submit("Set my new password", { "New password": NEW_PASSWORD });
		await person.isTold(/Your new password is set/);
	});

	it("reports that a temporary password is no longer valid", async () => {
		const { person, temporary } = await withTemporaryPassword();
		const elsewhere = await somebody();
		elsewhere.address = person.address;
		await elsewhere.signIn();
		await elsewhere.open("/settings/password");
		await elsewhere.submit("Continue", { "Current password": PASSWORD });
		await elsewhere.submit("Change my password", { "New password": NEW_PASSWORD });
		await elsewhere.isTold(/Your password has been changed/);
		await person.submit("Continue", { "Temporary password": temporary });
		person.isAt("/forgot-password");
		await person.isTold(/no longer valid/);
		await person.visitor.look("web-app/forgot-password-ended");
		await person.setCookie("__Host-forgot-password", TOKEN);
		await person.open("/forgot-password/new-password");
		await person.isTold(/no longer valid/);
	});
});
