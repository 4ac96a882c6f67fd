// Every action of the protocol, invoked by the published client on the real server. Each address is used once, so that the
// default rate limits are never reached.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { RecordedClient, methods } from "./recorder.js";
import { startServer } from "./server.js";

const PASSWORD = "violet-hammock-7-glacier";
const NEW_PASSWORD = "mellow-orchard-42-lantern";
const WRONG_PASSWORD = "hollow-umbrella-13-cactus";

const minutes = (count) => count * 60 * 1000;
const lifetime = (record) => record.expiresAt.getTime() - record.createdAt.getTime();

describe("the published client", () => {
	let server;
	let client;
	let users = 0;

	before(async () => {
		server = await startServer();
		client = new RecordedClient(server.url);
	});

	after(() => server?.stop());

	const freshAddress = () => `user+${++users}@example.com`;

	/** Creates a user with PASSWORD, and a session. */
	async function signUp() {
		const emailAddress = freshAddress();
		const { signupToken } = await client.ok("createSignup", emailAddress);
		const code = await server.lastCode(emailAddress);
		await client.ok("verifySignupEmailAddressVerificationCode", signupToken, code);
		await client.ok("setSignupPassword", signupToken, PASSWORD);
		const { session, sessionToken } = await client.ok("completeSignup", signupToken);
		return { emailAddress, session, sessionToken };
	}

	async function signIn(emailAddress, password) {
		const { signinToken } = await client.ok("createSignin", emailAddress);
		await client.ok("verifySigninUserPassword", signinToken, password);
		return await client.ok("completeSignin", signinToken);
	}

	it("has a method for each of the 39 actions", () => {
		assert.equal(methods.length, 39);
	});

	it("signs a user up", async () => {
		const emailAddress = freshAddress();
		await client.refused("invalid_email_address", "createSignup", "ada@");
		const { signup, signupToken } = await client.ok("createSignup", emailAddress);
		assert.equal(signup.emailAddress, emailAddress);
		assert.equal(signup.emailAddressVerified, false);
		assert.equal(signup.passwordSet, false);
		assert.equal(lifetime(signup), minutes(20));
		const code = await server.lastCode(emailAddress);
		await client.ok("sendSignupEmailAddressVerificationCode", signupToken);
		assert.equal(await server.lastCode(emailAddress), code);
		await client.refused(
			"incorrect_email_address_verification_code",
			"verifySignupEmailAddressVerificationCode",
			signupToken,
			"IIIIIIII"
		);
		await client.refused("email_address_not_verified", "setSignupPassword", signupToken, PASSWORD);
		await client.refused("email_address_not_verified", "completeSignup", signupToken);
		await client.ok("verifySignupEmailAddressVerificationCode", signupToken, code);
		await client.refused("email_address_already_verified", "sendSignupEmailAddressVerificationCode", signupToken);
		await client.refused("invalid_password_length", "setSignupPassword", signupToken, "short");
		await client.refused("weak_password", "setSignupPassword", signupToken, "password1234");
		await client.refused("password_not_set", "completeSignup", signupToken);
		await client.ok("setSignupPassword", signupToken, PASSWORD);
		const again = await client.ok("getSignup", signupToken);
		assert.deepEqual(again.signup, { ...signup, emailAddressVerified: true, passwordSet: true });
		const { session, sessionToken } = await client.ok("completeSignup", signupToken);
		assert.equal(session.expiresAt, null);
		assert.deepEqual((await client.ok("getSession", sessionToken)).session, session);
		await client.refused("invalid_signup_token", "getSignup", signupToken);
		await client.refused("email_address_already_used", "createSignup", emailAddress);
	});

	it("deletes a signup", async () => {
		const { signupToken } = await client.ok("createSignup", freshAddress());
		await client.ok("deleteSignup", signupToken);
		await client.refused("invalid_signup_token", "deleteSignup", signupToken);
	});

	it("signs a user in", async () => {
		const { emailAddress, session } = await signUp();
		await client.refused("user_not_found", "createSignin", freshAddress());
		const { signin, signinToken } = await client.ok("createSignin", emailAddress);
		assert.equal(signin.userId, session.userId);
		assert.equal(signin.userFirstFactorVerified, false);
		assert.equal(lifetime(signin), minutes(10));
		await client.refused("user_first_factor_not_verified", "completeSignin", signinToken);
		await client.refused("incorrect_password", "verifySigninUserPassword", signinToken, WRONG_PASSWORD);
		await client.ok("verifySigninUserPassword", signinToken, PASSWORD);
		const again = await client.ok("getSignin", signinToken);
		assert.deepEqual(again.signin, { ...signin, userFirstFactorVerified: true });
		const completed = await client.ok("completeSignin", signinToken);
		assert.equal(completed.session.userId, session.userId);
		assert.notEqual(completed.session.id, session.id);
		await client.refused("invalid_signin_token", "getSignin", signinToken);
	});

	it("deletes a signin", async () => {
		const { emailAddress } = await signUp();
		const { signinToken } = await client.ok("createSignin", emailAddress);
		await client.ok("deleteSignin", signinToken);
		await client.refused("invalid_signin_token", "deleteSignin", signinToken);
	});

	it("ends sessions", async () => {
		const { emailAddress, sessionToken } = await signUp();
		const second = await signIn(emailAddress, PASSWORD);
		const third = await signIn(emailAddress, PASSWORD);
		await client.ok("deleteSession", sessionToken);
		await client.refused("invalid_session_token", "getSession", sessionToken);
		await client.refused("invalid_session_token", "deleteSession", sessionToken);
		await client.ok("getSession", second.sessionToken);
		await client.ok("deleteAllSessions", second.sessionToken);
		await client.refused("invalid_session_token", "getSession", third.sessionToken);
		await client.refused("invalid_session_token", "deleteAllSessions", third.sessionToken);
	});

	it("updates an email address", async () => {
		const { emailAddress, session, sessionToken } = await signUp();
		const newEmailAddress = freshAddress();
		await client.refused("email_address_already_used", "createUserEmailAddressUpdate", sessionToken, emailAddress);
		const created = await client.ok("createUserEmailAddressUpdate", sessionToken, newEmailAddress);
		const tokens = [sessionToken, created.userEmailAddressUpdateToken];
		const update = created.userEmailAddressUpdate;
		assert.equal(update.newEmailAddress, newEmailAddress);
		assert.equal(update.sessionId, session.id);
		assert.equal(update.userId, session.userId);
		assert.equal(lifetime(update), minutes(20));
		const send = "sendUserEmailAddressUpdateEmailAddressVerificationCode";
		const verify = "verifyUserEmailAddressUpdateEmailAddressVerificationCode";
		const code = await server.lastCode(newEmailAddress);
		await client.ok(send, ...tokens);
		assert.equal(await server.lastCode(newEmailAddress), code);
		await client.refused("incorrect_email_address_verification_code", verify, ...tokens, "IIIIIIII");
		await client.refused(
			"email_address_not_verified",
			"verifyUserEmailAddressUpdateUserPassword",
			...tokens,
			PASSWORD
		);
		await client.ok(verify, ...tokens, code);
		await client.refused("email_address_already_verified", send, ...tokens);
		await client.refused("user_identity_not_verified", "completeUserEmailAddressUpdate", ...tokens);
		await client.ok("verifyUserEmailAddressUpdateUserPassword", ...tokens, PASSWORD);
		const again = await client.ok("getUserEmailAddressUpdate", ...tokens);
		assert.deepEqual(again.userEmailAddressUpdate, {
			...update,
			newEmailAddressVerified: true,
			userIdentityVerified: true
		});
		await client.ok("completeUserEmailAddressUpdate", ...tokens);
		await client.refused("invalid_user_email_address_update_token", "getUserEmailAddressUpdate", ...tokens);
		await client.refused("user_not_found", "createSignin", emailAddress);
		await signIn(newEmailAddress, PASSWORD);
	});

	it("deletes an email address update", async () => {
		const { sessionToken } = await signUp();
		const created = await client.ok("createUserEmailAddressUpdate", sessionToken, freshAddress());
		const tokens = [sessionToken, created.userEmailAddressUpdateToken];
		await client.ok("deleteUserEmailAddressUpdate", ...tokens);
		await client.refused("invalid_user_email_address_update_token", "deleteUserEmailAddressUpdate", ...tokens);
	});

	it("updates a password", async () => {
		const { emailAddress, session, sessionToken } = await signUp();
		const created = await client.ok("createUserPasswordUpdate", sessionToken);
		const tokens = [sessionToken, created.userPasswordUpdateToken];
		const update = created.userPasswordUpdate;
		assert.equal(update.sessionId, session.id);
		assert.equal(lifetime(update), minutes(10));
		const verify = "verifyUserPasswordUpdateUserPassword";
		const set = "setUserPasswordUpdateNewPassword";
		await client.refused("incorrect_password", verify, ...tokens, WRONG_PASSWORD);
		await client.refused("user_identity_not_verified", set, ...tokens, NEW_PASSWORD);
		await client.ok(verify, ...tokens, PASSWORD);
		await client.refused("new_password_not_set", "completeUserPasswordUpdate", ...tokens);
		await client.ok(set, ...tokens, NEW_PASSWORD);
		const again = await client.ok("getUserPasswordUpdate", ...tokens);
		assert.deepEqual(again.userPasswordUpdate, { ...update, userIdentityVerified: true, newPasswordSet: true });
		await client.ok("completeUserPasswordUpdate", ...tokens);
		await client.refused("invalid_password_update_token", "getUserPasswordUpdate", ...tokens);
		await client.ok("getSession", sessionToken);
		await signIn(emailAddress, NEW_PASSWORD);
	});

	it("deletes a password update, but not from another session", async () => {
		const { emailAddress, sessionToken } = await signUp();
		const other = await signIn(emailAddress, PASSWORD);
		const { userPasswordUpdateToken } = await client.ok("createUserPasswordUpdate", sessionToken);
		await client.refused(
			"session_mismatch",
			"deleteUserPasswordUpdate",
			other.sessionToken,
			userPasswordUpdateToken
		);
		await client.ok("deleteUserPasswordUpdate", sessionToken, userPasswordUpdateToken);
		await client.refused("invalid_session_token", "createUserPasswordUpdate", userPasswordUpdateToken);
	});

	it("deletes a user", async () => {
		const { emailAddress, session, sessionToken } = await signUp();
		const created = await client.ok("createUserDeletion", sessionToken);
		const tokens = [sessionToken, created.userDeletionToken];
		assert.equal(created.userDeletion.userId, session.userId);
		assert.equal(lifetime(created.userDeletion), minutes(10));
		await client.refused("user_identity_not_verified", "completeUserDeletion", ...tokens);
		await client.refused("incorrect_password", "verifyUserDeletionUserPassword", ...tokens, WRONG_PASSWORD);
		await client.ok("verifyUserDeletionUserPassword", ...tokens, PASSWORD);
		const again = await client.ok("getUserDeletion", ...tokens);
		assert.deepEqual(again.userDeletion, { ...created.userDeletion, userIdentityVerified: true });
		await client.ok("completeUserDeletion", ...tokens);
		await client.refused("invalid_session_token", "getUserDeletion", ...tokens);
		await client.refused("invalid_session_token", "createUserDeletion", sessionToken);
		await client.refused("user_not_found", "createSignin", emailAddress);
	});

	it("deletes a user deletion", async () => {
		const { sessionToken } = await signUp();
		const { userDeletionToken } = await client.ok("createUserDeletion", sessionToken);
		await client.ok("deleteUserDeletion", sessionToken, userDeletionToken);
		await client.refused("invalid_user_deletion_token", "deleteUserDeletion", sessionToken, userDeletionToken);
	});

	it("resets a password", async () => {
		const { emailAddress, session } = await signUp();
		await client.refused("user_not_found", "createUserPasswordReset", freshAddress());
		const created = await client.ok("createUserPasswordReset", emailAddress);
		const token = created.userPasswordResetToken;
		const reset = created.userPasswordReset;
		assert.equal(reset.userId, session.userId);
		assert.equal(lifetime(reset), minutes(20));
		const temporaryPassword = await server.lastCode(emailAddress);
		const verify = "verifyUserPasswordResetTemporaryPassword";
		const set = "setUserPasswordResetNewPassword";
		await client.refused("incorrect_temporary_password", verify, token, "IIIIIIIIIIII");
		await client.refused("user_first_factor_not_verified", set, token, NEW_PASSWORD);
		await client.ok(verify, token, temporaryPassword);
		await client.refused("new_password_not_set", "completeUserPasswordReset", token);
		await client.ok(set, token, NEW_PASSWORD);
		const again = await client.ok("getUserPasswordReset", token);
		assert.deepEqual(again.userPasswordReset, { ...reset, userFirstFactorVerified: true, newPasswordSet: true });
		const completed = await client.ok("completeUserPasswordReset", token);
		assert.equal(completed.session.userId, session.userId);
		await client.ok("getSession", completed.sessionToken);
		await client.refused("invalid_user_password_reset_token", "getUserPasswordReset", token);
		await signIn(emailAddress, NEW_PASSWORD);
	});

	it("deletes a password reset", async () => {
		const { emailAddress } = await signUp();
		const { userPasswordResetToken } = await client.ok("createUserPasswordReset", emailAddress);
		await client.ok("deleteUserPasswordReset", userPasswordResetToken);
		await client.refused(
			"invalid_user_password_reset_token",
			"deleteUserPasswordReset",
			userPasswordResetToken
		);
	});

	// The last test of the file; the tests of a file run sequentially.
	it("has succeeded and failed with every method", () => {
		assert.deepEqual(client.unseen(), []);
	});
});
