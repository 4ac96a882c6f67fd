// Failures of the website's own parts, and its development mode.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { useBrowser } from "../harness.js";
import { NEW_PASSWORD, PASSWORD, Person, startSite } from "./site.js";

const FAILED = /Something went wrong on our side.* mention [a-z2-9]{24}\./;

describe("the website", () => {
	const browser = useBrowser();
	let site;

	before(async () => (site = await startSite()));
	after(() => site?.stop());

	const somebody = async () => new Person(site, await browser.visitor());

	/** Runs a function while the users table is missing. */
	async function withoutUsers(during) {
		site.sql("ALTER TABLE users RENAME TO away");
		try {
			await during();
		} finally {
			site.sql("ALTER TABLE away RENAME TO users");
		}
	}

	/** Runs a function while changes such as `UPDATE ON users` fail. A trigger that refuses them would be a rule of the table. */
	async function withoutChanges(changes, file, during) {
		site.sql(`CREATE TRIGGER broken BEFORE ${changes} BEGIN SELECT abs(-9223372036854775808); END`, file);
		try {
			await during();
		} finally {
			site.sql("DROP TRIGGER broken", file);
		}
	}

	const withoutUpdates = (during) => withoutChanges("UPDATE ON users", "users.sqlite3", during);
	const withoutSessions = (during) =>
		withoutChanges("INSERT ON faroe_storage WHEN NEW.key LIKE 'main.session.%'", "storage.sqlite3", during);

	it("has a page for missing pages", async () => {
		const person = await somebody();
		person.visitor.expectProblem(/status of 404/);
		for (const path of ["/nothing", "/sign-out", "/development/emails"]) {
			await person.open(path);
			assert.match(await person.page.innerText("main"), /This page does not exist/);
		}
		await person.visitor.look("web-app/not-found");
	});

	it("does not report an internal failure as a wrong password or an unknown address", async () => {
		const person = await somebody();
		await person.signUp();
		await person.submit("Sign out");
		await withoutUsers(async () => {
			await person.signIn();
			person.isAt("/sign-in");
			await person.isTold(FAILED);
			assert.equal(await person.page.locator(".error").count(), 0);
			assert.equal(await person.typed("Email address"), person.address);
			await person.visitor.look("web-app/sign-in-failed");
			await person.open("/forgot-password");
			await person.submit("Send it", { "Email address of your account": person.address });
			await person.isTold(FAILED);
		});
		await person.signIn();
		await person.isSignedIn();
	});

	it("does not report an internal failure as a sign-out", async () => {
		const person = await somebody();
		await person.signUp();
		person.visitor.expectProblem(/status of 503/);
		await withoutUsers(async () => {
			await person.open("/settings");
			person.isAt("/settings");
			assert.match(await person.page.innerText("main"), FAILED);
			await person.visitor.look("web-app/failed");
		});
		await person.isSignedIn();
	});

	it("completes a sign-up after its last step has failed", async () => {
		const person = await somebody();
		await person.open("/sign-up");
		await person.submit("Send the code", { "Email address": person.address });
		await person.submit("Confirm my address", { Code: await site.code(person.address) });
		await withoutUsers(async () => {
			await person.submit("Create my account", { Password: PASSWORD });
			person.isAt("/sign-up/finish");
			await person.isTold(FAILED);
			await person.visitor.look("web-app/sign-up-finish");
			await person.submit("Create my account");
			await person.isTold(FAILED);
		});
		await person.open("/sign-up/password");
		person.isAt("/sign-up/finish");
		await person.submit("Create my account");
		await person.isTold(/Your account is ready/);
		await person.submit("Sign out");
		await person.signIn();
		await person.isSignedIn();
	});

	it("completes a password reset after its last step has failed", async () => {
		const person = await somebody();
		await person.signUp();
		await person.submit("Sign out");
		await person.open("/forgot-password");
		await person.submit("Send it", { "Email address of your account": person.address });
		await person.submit("Continue", { "Temporary password": await site.code(person.address) });
		await withoutUpdates(async () => {
			await person.submit("Set my new password", { "New password": NEW_PASSWORD });
			person.isAt("/forgot-password/finish");
			await person.isTold(FAILED);
		});
		await person.submit("Set my new password");
		await person.isTold(/Your new password is set/);
	});

	it("completes a change of password or address after its last step has failed", async () => {
		const person = await somebody();
		await person.signUp();
		await person.open("/settings/password");
		await person.submit("Continue", { "Current password": PASSWORD });
		await withoutUpdates(async () => {
			await person.submit("Change my password", { "New password": NEW_PASSWORD });
			person.isAt("/settings/password/finish");
			await person.isTold(FAILED);
		});
		await person.submit("Change my password");
		await person.isTold(/Your password has been changed/);
		person.address = site.freshAddress();
		await person.open("/settings/email-address");
		await person.submit("Send the code", { "New email address": person.address });
		await person.submit("Confirm this address", { Code: await site.code(person.address) });
		await withoutUpdates(async () => {
			await person.submit("Change my address", { "Your password": NEW_PASSWORD });
			person.isAt("/settings/email-address/finish");
			await person.isTold(FAILED);
			await person.visitor.look("web-app/settings-address-finish");
		});
		await person.submit("Change my address");
		await person.isTold(/Your address has been changed/);
		await person.submit("Sign out");
		await person.signIn(NEW_PASSWORD);
		await person.isSignedIn();
	});

	it("asks users to sign in if only the session could not be created", async () => {
		const person = await somebody();
		await person.open("/sign-up");
		await person.submit("Send the code", { "Email address": person.address });
		await person.submit("Confirm my address", { Code: await site.code(person.address) });
		await withoutSessions(async () => {
			await person.submit("Create my account", { Password: PASSWORD });
			person.isAt("/sign-in");
			await person.isTold(/Your account is ready\. Sign in/);
			await person.open("/forgot-password");
			await person.submit("Send it", { "Email address of your account": person.address });
			await person.submit("Continue", { "Temporary password": await site.code(person.address) });
			await person.submit("Set my new password", { "New password": NEW_PASSWORD });
			person.isAt("/sign-in");
			await person.isTold(/Your new password is set\. Sign in/);
			await person.visitor.look("web-app/sign-in-after-reset");
		});
		await person.signIn(NEW_PASSWORD);
		await person.isSignedIn();
	});

	it("reports that an email could not be sent", async () => {
		const silent = await startSite();
		try {
			// Emails are printed to a closed pipe.
			silent.child.stdout.destroy();
			const person = new Person(silent, await browser.visitor());
			await person.open("/sign-up");
			await person.submit("Send the code", { "Email address": person.address });
			person.isAt("/sign-up");
			await person.isTold(FAILED);
			assert.equal(await person.typed("Email address"), person.address);
			await person.visitor.look("web-app/sign-up-failed");
		} finally {
			await silent.stop();
		}
	});

	it("shows emails on a page in development", async () => {
		const local = await startSite("--development");
		try {
			const person = new Person(local, await browser.visitor());
			await person.open("/sign-up");
			await person.submit("Send the code", { "Email address": person.address });
			person.isAt("/sign-up/code");
			await person.visitor.look("web-app/development-code");
			await person.follow("shown here");
			await person.visitor.look("web-app/development-emails");
			const code = await person.page.locator(".email .code").innerText();
			await person.open("/sign-up/code");
			await person.submit("Confirm my address", { Code: code });
			await person.submit("Create my account", { Password: PASSWORD });
			await person.isTold(/Your account is ready/);
			assert.deepEqual(Object.keys(await person.cookies()), ["session"]);
		} finally {
			await local.stop();
		}
	});
});
