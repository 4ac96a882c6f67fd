// The six emails, as a mail program shows them.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { startProgram, useBrowser } from "./harness.js";

const PASSWORD = "seven wet umbrellas";

/** Rules to ignore: an email is shown inside a mail program's page, which has the landmarks. */
const ignore = ["landmark-one-main", "region"];

/** Starts the server in development mode, with this configuration file. */
async function startServer(configuration) {
	const folder = await mkdtemp(join(tmpdir(), "faroe-emails-"));
	const file = join(folder, "faroe.toml");
	await writeFile(file, configuration);
	const server = await startProgram("FAROE_SERVER_BINARY", ["--config", file, "--listen", "127.0.0.1:0", "--log", "warn"]);
	return {
		url: server.url,
		async stop() {
			await server.stop();
			await rm(folder, { recursive: true });
		}
	};
}

/** Runs the flows that send emails, and returns all emails as the development console receives them. */
async function allEmails({ url }) {
	async function inbox() {
		return (await (await fetch(`${url}/dev/inbox`)).json()).messages;
	}

	async function lastCode(address) {
		return (await inbox()).findLast(({ to, code }) => to === address && code).code;
	}

	async function invoke(action, args) {
		const response = await fetch(url, { method: "POST", body: JSON.stringify({ action, arguments: args }) });
		const answer = await response.json();
		assert.ok(answer.ok, `${action}: ${answer.error_code}`);
		return answer.values;
	}

	const { signup_token } = await invoke("create_signup", { email_address: "ada@example.com" });
	await invoke("verify_signup_email_address_verification_code", {
		signup_token,
		email_address_verification_code: await lastCode("ada@example.com")
	});
	await invoke("set_signup_password", { signup_token, password: PASSWORD });
	await invoke("complete_signup", { signup_token });

	const { user_password_reset_token } = await invoke("create_user_password_reset", { user_email_address: "ada@example.com" });
	await invoke("verify_user_password_reset_temporary_password", {
		user_password_reset_token,
		temporary_password: await lastCode("ada@example.com")
	});
	await invoke("set_user_password_reset_new_password", { user_password_reset_token, password: PASSWORD });
	const { session_token } = await invoke("complete_user_password_reset", { user_password_reset_token });

	const new_email_address = "ada.lovelace.of.the.analytical.engine@difference-engines.example.com";
	const { user_email_address_update_token } = await invoke("create_user_email_address_update", { session_token, new_email_address });
	const update = { session_token, user_email_address_update_token };
	await invoke("verify_user_email_address_update_email_address_verification_code", {
		...update,
		email_address_verification_code: await lastCode(new_email_address)
	});
	await invoke("verify_user_email_address_update_user_password", { ...update, password: PASSWORD });
	await invoke("complete_user_email_address_update", update);

	return Promise.all(
		(await inbox()).map(async (message) => {
			const html = await (await fetch(`${url}/dev/inbox/${message.number}/html`)).text();
			return { ...message, html };
		})
	);
}

describe("emails", () => {
	const browser = useBrowser();

	for (const locale of ["en", "de"]) {
		describe(`in the language ${locale}`, () => {
			let server;
			let emails;

			before(async () => {
				const email = `product_name = "Example"\nsupport_address = "help@example.com"\nlocale = "${locale}"\n`;
				server = await startServer(`[email]\n${email}`);
				emails = await allEmails(server);
			});
			after(() => server?.stop());

			it("fit a phone and a desktop, in light and dark mode, and are accessible", async () => {
				assert.equal(new Set(emails.map(({ type }) => type)).size, 6);
				const visitor = await browser.visitor();
				for (const { type, html } of emails) {
					await visitor.page.setContent(html);
					await visitor.look(`email-${locale}-${type}`, { ignore });
				}
			});

			it("select exactly the code on a double click", async () => {
				const { page } = await browser.visitor();
				for (const { code, html } of emails.filter((email) => "code" in email)) {
					await page.setContent(html);
					await page.locator(".code").click({ clickCount: 2 });
					assert.equal(await page.evaluate(() => getSelection().toString().trim()), code);
				}
			});
		});
	}
});
