// Made from crates/api by `CHANGEOVER_CODEGEN=1 cargo test -p api`. Do not edit.

export type AccountAddArgs = { company: string, provider: string, environment: EnvironmentView, };
export type AccountApplicationArgs = { company: string, connection: string, client_id: string, 
/** None keeps the secret that is there. */
secret: SecretText | null, own_page: string | null, };
export type AccountKeyArgs = { company: string, connection: string, 
/** The id that belongs to the secret, where there is one. */
client_id: string | null, secret: SecretText, };
export type AccountSinceView = { account: string, became: BecameView, name: string, 
/** The name in the backup where it is another one. */
name_then: string | null, then: MoneyView | null, today: MoneyView | null, difference: MoneyView | null, };
export type AccountsView = { company: string, company_name: string, now: string, zone: string, connections: Array<ConnectionView>, books: BooksAccountView, 
/** Providers whose access can be kept and watched although no connector reads them yet. */
can_keep: Array<KeepableView>, 
/** A reconnect that is under way, so that the panel opens by itself. */
reconnecting: string | null, 
/** What became of the access that was just given up; only in the answer to that. */
gave_up: GaveUpView | null, };
export type AgreementTile = { "state": "not_checked" } | { "state": "comparing", last: LastComparedView | null, } | { "state": "agrees", remainder: MoneyView, until_day: string, providers: Array<string>, } | { "state": "differs", remainder: MoneyView, until_day: string, providers: Array<string>, accounts: number, } | { "state": "failed", problem: ProblemView, };
export type AnsweredView = { 
/** The hold's own name. */
id: string, day: string, title: string, amount: MoneyView | null, answer: HoldAnswer, 
/** The reason for leaving it out, or the description of the entry it was linked to. */
words: string, by: string, at: string, may_undo: boolean, };
export type AppView = { version: string, 
/** True until there is a company; the page then shows the three ways in. */
first_run: boolean, companies: Array<CompanyView>, 
/** The id of the company that the window shows. */
current: string | null, keychain: KeychainView, 
/** Set while the shown company is a practice company: the whole window then wears the practice band. */
practice_band: PracticeBandView | null, 
/** Set when recovery after a crash or a damaged store needs a person before anything else. */
problem: ProblemView | null, 
/** Work that runs for the shown company, for the strip at the foot. */
jobs: Array<JobView>, };
export type BackView = { 
/** Entries of the new connector that were taken out. */
taken_out: number, 
/** Earlier entries that were put back as they were. */
put_back: number, 
/** The books were compared with the baseline and are equal; false when nothing had been written, so that nothing was compared. */
equal: boolean, };
export type BackupArgs = { company: string, backup: string, };
export type BackupReason = { "kind": "by_hand" } | { "kind": "daily" } | { "kind": "after_change" } | { "kind": "monthly" } | { "kind": "before_upgrade", provider: string, from: string, to: string, } | { "kind": "before_restore" } | { "kind": "before_stage", stage: StageName, };
export type BackupTile = { "state": "none" } | { "state": "taken", taken: string, copies: number, places: Array<string>, } | { "state": "proved", taken: string, proved: string, copies: number, places: Array<string>, entries: number, } | { "state": "failed", taken: string, problem: ProblemView, };
export type BackupView = { id: string, taken: string, reason: BackupReason, 
/** The three marks. */
copied: MarkView, checked: MarkView, restore_tested: MarkView, 
/** Bytes as text. */
bytes: string, added_bytes: string | null, place: string, entries: number | null, 
/** Kept until the upgrade that uses it as its rollback point is finished. */
pinned_by: string | null, problem: ProblemView | null, };
export type BackupsView = { company: string, company_name: string, now: string, zone: string, 
/** Newest first. */
backups: Array<BackupView>, places: Array<PlaceView>, schedule: ScheduleView, kit: KitState, job: JobView | null, problem: ProblemView | null, };
export type BecameView = "added" | "changed" | "gone";
export type BooksAccountRowView = { id: string, 
/** Full name, such as `Assets:Current Assets:Checking`. */
name: string, account_kind: string, placeholder: boolean, balance: MoneyView, entries: number, };
export type BooksAccountView = { accounting_app: string, file: string, folder: string, version: string, currency: string, state: BooksState, problem: ProblemView | null, };
export type BooksState = "free" | "open_elsewhere" | "missing" | "trouble";
export type BoundaryView = { weekday: number, hour: number, };
export type BreakingChangeView = { id: string, title: string, text: string, 
/** `YYYY-MM-DD` */
deadline: string | null, };
export type CalendarArgs = { 
/** None: all companies. */
company: string | null, };
export type CalendarDueView = { 
/** Gravest first. */
due: Array<DueView>, };
export type CalendarExportArgs = { 
/** None: all companies. */
company: string | null, 
/** The file to write. */
path: string, };
export type CalendarExportView = { 
/** None: no row has a day, so no file was written. */
file: string | null, events: number, 
/** Rows that are not in the file, because they have no day. */
without_day: number, };
export type CalendarToldArgs = { company: string, row: string, end: string, threshold: EndsThreshold, };
export type CalendarView = { 
/** None: all companies. */
company: string | null, company_name: string | null, now: string, 
/** Of the one company; None for all, where each row has its own. */
zone: string | null, 
/** Past ones that still matter first, then by time, without a day last. */
rows: Array<EndsView>, 
/** Companies whose ends could not be gathered. */
problems: Array<ProblemView>, };
export type ChainView = { "state": "not_checked", records: number, } | { "state": "good", records: number, checked: string, signed: SignedView | null, } | { "state": "broken", records: number, first_bad: number, finding: string, };
export type CheckView = { 
/** Stable name; the page has words for the known ones and shows `words` for the rest. */
id: string, words: string, verdict: VerdictView, measure: NoteView | null, why: Array<string>, next: string | null, 
/** The differences screen shows what this check found. */
has_differences: boolean, };
export type CompanyAddArgs = { name: string, books: string, zone: string, provider: string, connector_version: string, roles: Array<RoleChoice>, 
/** The id of the person's own application at the provider; None: the one that this computer is set up with. */
client_id: string | null, 
/** `YYYY-MM-DD`: payments from this day on are fetched; None: from the first day of this year. */
sync_from: string | null, };
export type CompanyAddView = { path: string, file_name: string, proposed_name: string, accounting_app: string, books_version: string, currency: string, proposed_zone: string, 
/** The first day of this year, from which payments are fetched unless the person chooses another. */
proposed_sync_from: string, 
/** This computer is set up with an application id, so that the person need not have one. */
client_id_set_up: boolean, entries: number, first_day: string | null, last_day: string | null, accounts: Array<BooksAccountRowView>, roles: Array<RoleProposalView>, providers: Array<ProviderChoiceView>, 
/** These books are looked after already, without an account; one can join them. */
protected: boolean, 
/** Every failed check at once, worst first. With one, the company cannot be added. */
problems: Array<ProblemView>, };
export type CompanyAddedView = { company: string, name: string, 
/** None: the books are protected, and nothing is connected yet. */
connection: string | null, };
export type CompanyArgs = { company: string, };
export type CompanyProtectArgs = { name: string, books: string, zone: string, };
export type CompanyView = { id: string, name: string, accounting_app: string, books_file: string, currency: string, 
/** IANA name, such as `America/New_York`. */
zone: string, environment: EnvironmentView, 
/** Worst state among its needs. */
mood: Mood, 
/** How many things need a person. */
needs: number, connections: number, };
export type ConnectionArgs = { company: string, connection: string, };
export type ConnectionState = "never_connected" | "connected" | "ends_soon" | "ended" | "taken_back" | "permission_missing" | "disconnected" | "unreadable";
export type ConnectionView = { id: string, provider: string, provider_name: string, 
/** The name that the provider gives for the company that signed in. */
company_at_provider: string | null, masked_id: string | null, environment: EnvironmentView, 
/** Only its access is kept and watched; no connector reads its payments. */
access_only: boolean, 
/** How access is given there. */
kind: EntryKind, permissions: Array<PermissionView>, permissions_granted: number, permissions_needed: number, 
/** When the access token ends; refreshed by itself as long as `sign_in_ends` has not come. */
access_ends: string | null, 
/** When a person must sign in again. None: no end. */
sign_in_ends: string | null, last_used: string | null, 
/** "the computer's keychain", in the engine's words. */
kept_where: string, state: ConnectionState, connector: string, connector_newest: string, last_sync: string | null, 
/** While an upgrade runs, the access before the reconnect is kept until it is finished. */
old_access_kept: boolean, problem: ProblemView | null, };
export type CountsView = { added: number, changed: number, gone: number, };
export type DifferenceClass = "same" | "expected" | "unexplained" | "missing";
export type DifferenceCountsView = { same: number, expected: number, unexplained: number, };
export type DifferenceFilter = "all" | "expected" | "unexplained";
export type DifferenceLineView = { account: string, amount: MoneyView, };
export type DifferenceView = { key: string, day: string, 
/** "Payment of 100.00 USD, Order 1042" */
title: string, class: DifferenceClass, 
/** The title of the expected change, or the finding in words. */
reason: string | null, old: Array<DifferenceLineView>, new: Array<DifferenceLineView>, };
export type DifferencesArgs = { company: string, upgrade: string, filter: DifferenceFilter, page: number, };
export type DifferencesView = { upgrade: string, provider: string, from: string, to: string, zone: string, filter: DifferenceFilter, 
/** Counted from 0. */
page: number, pages: number, counts: DifferenceCountsView, rows: Array<DifferenceView>, 
/** Sum of what no rule explains. */
remainder: MoneyView | null, };
export type DoneView = { done: boolean, };
export type DueView = { ends: EndsView, threshold: EndsThreshold, 
/** What `calendar_told` takes back. */
end: string, };
export type EndedHow = "finished" | "rolled_back";
export type EndedUpgradeView = { id: string, from: string, to: string, ended: string, how: EndedHow, remainder: MoneyView | null, };
export type EndsAct = { "kind": "reconnect" } | { "kind": "plan_upgrade", to: string, } | { "kind": "go_on", to: string, } | { "kind": "renews_itself" } | { "kind": "read" } | { "kind": "nothing" };
export type EndsNote = { text: string, source: string, };
export type EndsStanding = "ended" | "soon" | "later" | "undated";
export type EndsSure = { "kind": "said" } | { "kind": "worked_out" } | { "kind": "unverified", why: string | null, };
export type EndsThreshold = "two_weeks" | "three_days" | "ended";
export type EndsView = { id: string, company: string, company_name: string, zone: string, connection: string, provider: string, 
/** The connector version whose sign-in it is, where an upgrade keeps two. */
for_version: string | null, what: EndsWhat, when: EndsWhen, 
/** `YYYY-MM-DD` in the business's zone; None without a known day. */
day: string | null, 
/** Days of the calendar in the business's zone; negative when it has passed. */
days_left: number | null, standing: EndsStanding, mood: Mood, sure: EndsSure, act: EndsAct, source: string | null, notes: Array<EndsNote>, 
/** `YYYY-MM-DD`: when the provider's facts were last compared with its own pages. */
checked: string | null, };
export type EndsWhat = { "kind": "sign_in_renews" } | { "kind": "sign_in_fixed" } | { "kind": "sign_in_over", reason: string | null, } | { "kind": "key", called: string, } | { "kind": "cap", days: number, } | { "kind": "permission", name: string, why: string, } | { "kind": "api_version", version: string, connector: string, } | { "kind": "connector", from: string, to: string, title: string, text: string, } | { "kind": "announced", text: string, };
export type EndsWhen = { "kind": "at", at: string, } | { "kind": "day" } | { "kind": "month" } | { "kind": "over" } | { "kind": "no_known_end" } | { "kind": "unknown" };
export type EntryKind = "application" | "application_with_secret" | "key" | "id_and_secret";
export type EntrySideView = { day: string, description: string, amount: MoneyView, accounts: Array<string>, };
export type EntrySinceView = { entry: string, became: BecameView, then: EntrySideView | null, today: EntrySideView | null, };
export type EntryView = { kind: EntryKind, 
/** What the provider calls it: "restricted key". */
called: string, 
/** The provider's page on which it is made. */
page: string, steps: Array<string>, 
/** How to put a new one in the place of the old one without a gap. */
replace: Array<string>, 
/** The redirect addresses to register with the application. */
register: Array<string>, 
/** The provider sends the browser to an https page of the person's own only. */
wants_page: boolean, own_page: string | null, 
/** The application's public id. */
client_id: string | null, has_secret: boolean, 
/** Everything that the next step needs is there; for keys always false, because a key is never kept to be entered again. */
complete: boolean, 
/** Why what was entered last could not be used. */
problem: ProblemView | null, 
/** Facts about this provider that nobody has confirmed. */
unverified: Array<UnverifiedView>, };
export type EnvironmentView = "production" | "sandbox" | "practice";
export type ExpectedChangeView = { id: string, title: string, text: string, example: SampleView | null, };
export type FileSinceView = { path: string, what: string, became: BecameView, };
export type FlowView = { connection: string, provider: string, last_payment: string | null, connector: string, owner: StreamOwner, clearing_account: string, 
/** Received by the processor, not yet paid out. */
to_pay_out: MoneyView, bank_account: string, last_payout: string | null, last_payout_amount: MoneyView | null, };
export type GateView = { next: StageName, 
/** The role that the plan asks for: `owner`, `bookkeeper`. */
who: string, payments: number | null, amount: MoneyView | null, seconds: number | null, 
/** What the sign-off binds to; sent back with the approval. */
digest: string, irreversible: Array<string>, };
export type GaveUpView = { provider_name: string, ended_at_provider: boolean, 
/** Why it was not ended there. */
why: string, 
/** Where a person can end it, in words and as an address. */
page_says: string, page: string, };
export type HeldView = { id: string, day: string, 
/** What it is, in words: "Payment", "Refund". */
title: string, amount: MoneyView | null, code: string, reason: string, since: string, 
/** Answers that can be given now. */
may: Array<HoldAnswer>, };
export type HoldAccountView = { id: string, name: string, };
export type HoldAnswer = "link" | "post" | "exclude" | "seen" | "undo";
export type HoldArgs = { company: string, hold: string, };
export type HoldCandidateView = { entry: string, day: string, description: string, account: string, amount: MoneyView, 
/** Why it fits, in full sentences. */
reasons: Array<string>, 
/** It stands for the payments in the payout as well. */
takes_members: boolean, };
export type HoldEntryView = { day: string, description: string, lines: Array<HoldLineView>, };
export type HoldLineArgs = { account: string, minor: string, };
export type HoldLineView = { account: string, amount: MoneyView, };
export type HoldRefusalView = { answer: HoldAnswer, why: string, };
export type HoldResolveArgs = { company: string, hold: string, answer: HoldAnswer, 
/** For `link`: the candidate's entry. */
entry: string | null, 
/** For `exclude`: why it does not belong into these books. */
reason: string | null, 
/** For `post` where the connector's rules do not know the accounts. */
lines: Array<HoldLineArgs>, };
export type HoldView = { held: HeldView, currency: string, 
/** Answers that cannot be given, with the reason in words. */
refused: Array<HoldRefusalView>, 
/** Entries of the books that it may be, the best first. */
candidates: Array<HoldCandidateView>, 
/** What posting would write. Empty where the rules do not know the accounts, or posting is refused. */
entries: Array<HoldEntryView>, 
/** The person has to choose the accounts. */
needs_lines: boolean, 
/** Accounts to choose from. */
accounts: Array<HoldAccountView>, 
/** The account proposed for the money's side, where one is known. */
clearing: string | null, 
/** Payments inside a payout that a link would settle with it. */
members: number, };
export type InsideFileView = { path: string, what: string, bytes: string, };
export type InsideView = { books_file: string, entries: number, accounts: number, first_day: string | null, last_day: string | null, raw_records: number, connections: number, bytes: string, };
export type JobArgs = { job: string, };
export type JobState = "running" | "done" | "cancelled" | "failed";
export type JobUnit = "payments" | "records" | "entries" | "bytes" | "steps";
export type JobView = { id: string, company: string | null, work: Work, state: JobState, 
/** What it does at this moment, in the engine's words. */
now_doing: string | null, unit: JobUnit, 
/** In `unit`; a count of bytes is past the four thousand million of 32 bits. */
done: number, total: number | null, 
/** Over the last seconds of what it does now. */
per_second: number | null, seconds_left: number | null, cancellable: boolean, started: string, problem: ProblemView | null, };
export type KeepableView = { provider: string, name: string, kind: EntryKind, environments: Array<EnvironmentView>, };
export type KeychainView = { "state": "keychain", name: string, } | { "state": "locked", name: string, } | { "state": "session_only", why: string, } | { "state": "absent", why: string, } | { "state": "silent", name: string, seconds: number, } | { "state": "refusing", name: string, why: string, } | { "state": "passphrase" } | { "state": "passphrase_locked" } | { "state": "passphrase_not_set_up" } | { "state": "passphrase_damaged", why: string, } | { "state": "unknown" };
export type KitFileArgs = { company: string, 
/** The kit's file, read back. */
path: string, };
export type KitGroupArgs = { company: string, group: SecretText, };
export type KitState = { "state": "missing" } | { "state": "written", at: string, file: string, fingerprint: string | null, } | { "state": "confirmed", at: string, newer: string | null, };
export type LastComparedView = { when: string, agrees: boolean, remainder: MoneyView, };
export type LogArgs = { company: string | null, filter: LogFilter, search: string, page: number, };
export type LogEntryView = { sequence: number, at: string, area: LogFilter, words: string, who: string | null, amount: MoneyView | null, 
/** First characters of the record's hash. */
hash: string, };
export type LogFilter = "all" | "upgrade" | "books" | "sign_in" | "backup" | "sync";
export type LogLineView = { at: string, words: string, };
export type LogView = { zone: string, filter: LogFilter, 
/** Free text that every shown entry contains. */
search: string, page: number, pages: number, total: number, 
/** Newest first. */
entries: Array<LogEntryView>, chain: ChainView, };
export type LostView = { path: string, what: string, why: string, };
export type MarkView = "done" | "not_yet" | "failed";
export type MayView = { approve: boolean, pause: boolean, resume: boolean, stop: boolean, roll_back: boolean, reconnect: boolean, next_day: boolean, finish: boolean, };
export type MissedView = { at: string, problem: ProblemView, };
export type ModeView = { "kind": "running" } | { "kind": "waiting", for_whom: WaitingFor, } | { "kind": "paused", why: string, } | { "kind": "halted", check: string, } | { "kind": "resolving" } | { "kind": "rolling_back" } | { "kind": "rolled_back" } | { "kind": "frozen" } | { "kind": "finished" };
export type MomentView = { id: string, taken: string, 
/** None: another program put it here. */
company_name: string | null, 
/** None on a fresh computer, where only its label is known. */
reason: BackupReason | null, label: string, bytes: string, files: number, entries: number | null, 
/** None on a fresh computer: whether it was ever proved is noted on the computer that took it. */
restore_tested: MarkView | null, };
export type MoneyView = { minor: string, currency: string, digits: number, };
export type Mood = "good" | "attention" | "stop" | "information" | "plain";
export type Need = { "kind": "connect" } | { "kind": "reconnect", connection: string, provider: string, missing: Array<string>, ended: boolean, } | { "kind": "upgrade_ready", connection: string, provider: string, from: string, to: string, new_permissions: number, quiet_time: string | null, } | { "kind": "upgrade_waits", upgrade: string, provider: string, from: string, to: string, for_whom: string, } | { "kind": "upgrade_paused", upgrade: string, provider: string, from: string, to: string, why: string, } | { "kind": "upgrade_halted", upgrade: string, provider: string, problem: ProblemView, } | { "kind": "held", count: number, amount: MoneyView | null, } | { "kind": "backup_missing" } | { "kind": "backup_unproved", taken: string, } | { "kind": "backup_missed", at: string, newest: string | null, problem: ProblemView, } | { "kind": "recovery_kit_missing" } | { "kind": "keychain_locked", name: string, } | { "kind": "books_trouble", problem: ProblemView, } | { "kind": "watch_day", upgrade: string, provider: string, day: number, of: number, } | { "kind": "upgrade_can_finish", upgrade: string, provider: string, from: string, to: string, } | { "kind": "ends", ends: EndsView, };
export type NeedView = { mood: Mood, 
/** RFC 3339. */
deadline: string | null, days_left: number | null, need: Need, };
export type NoArgs = Record<symbol, never>;
export type NoteView = { "kind": "approved_by", who: string, } | { "kind": "copies", count: number, bytes: string, } | { "kind": "entries_equal", count: number, } | { "kind": "rolled_back_too", seconds: number, } | { "kind": "same_company", new_permissions: number, } | { "kind": "unexplained", count: number, } | { "kind": "payments", count: number, from_day: string | null, to_day: string | null, } | { "kind": "entries", count: number, } | { "kind": "of_total", done: number, total: number, } | { "kind": "doubled", count: number, } | { "kind": "missing", count: number, } | { "kind": "difference", amount: MoneyView, } | { "kind": "expected", count: number, } | { "kind": "at", at: string, } | { "kind": "days", day: number, of: number, } | { "kind": "days_long", count: number, } | { "kind": "words", text: string, };
export type NotifyArgs = { title: string, text: string, };
export type OlderView = { backup: string, taken: string, };
export type PackageView = { connector: string, version: string, provider_version: string, problem: ProblemView | null, };
export type PathArgs = { path: string, };
export type PermissionState = "granted" | "missing" | "no_longer_needed";
export type PermissionView = { permission: string, 
/** "Read payouts" */
words: string, 
/** "so that deposits match your bank" */
why: string, state: PermissionState, };
export type PickedView = { path: string | null, };
export type PlaceKind = "folder" | "sftp" | "s3" | "webdav";
export type PlaceView = { id: string, name: string, kind: PlaceKind, path: string, reachable: boolean, away_from_computer: boolean, free_bytes: string | null, checked: string | null, problem: ProblemView | null, };
export type PlanStageView = { stage: StageName, payments: number | null, amount: MoneyView | null, from_day: string | null, to_day: string | null, 
/** Who must say yes before the next stage. None: goes on by itself. */
gate: string | null, days: number | null, };
export type PlanView = { company: string, company_name: string, connection: string, provider: string, from: string, to: string, zone: string, breaking: Array<BreakingChangeView>, expected: Array<ExpectedChangeView>, permissions: Array<PermissionView>, roles: Array<RoleRowView>, stages: Array<PlanStageView>, 
/** What cannot be undone, in the package's and the plan's words. Empty: everything can. */
irreversible: Array<string>, readiness: Array<CheckView>, ready: boolean, quiet_time: QuietTimeView | null, 
/** The instant from which the new connector owns movements, RFC 3339. */
new_from: string | null, payments: number, amount: MoneyView | null, problem: ProblemView | null, };
export type PracticeBandView = { story: string, 
/** The practice clock, RFC 3339. */
now: string, };
export type PracticeCompanyView = { company: string, name: string, story: string, 
/** A seed is up to 64 bits: text. */
seed: string, made: string, 
/** The practice clock. */
now: string, servers_running: boolean, payments: number, };
export type PracticeNewArgs = { story: string, 
/** Up to 64 bits, as text. */
seed: string, };
export type PracticeView = { stories: Array<StoryView>, companies: Array<PracticeCompanyView>, 
/** The making of one, while it runs. */
job: JobView | null, problem: ProblemView | null, };
export type ProblemView = { code: string, touched: TouchedView, touched_sentence: string, what: string, why: Array<string>, next: string, retry: RetryView, also: Array<ProblemView>, };
export type ProviderChoiceView = { provider: string, name: string, 
/** Versions of the connector, oldest first. */
versions: Array<string>, };
export type PutInPlaceView = { 
/** The backup of the book as it was directly before. */
safety_backup: string, 
/** Payments that the next fetch looks at again. */
again: number, unlinked: number, settings: boolean, notes: Array<string>, undo: UndoView | null, };
export type QuietTimeView = { starts: string, ends: string, payments_expected: number, 
/** Payments by weekday (Monday first) and hour: 7 rows of 24. */
heat: Array<Array<number>>, history_days: number, 
/** Weekday (0 = Monday) and hour at which payouts close, to be marked. */
payout_boundaries: Array<BoundaryView>, };
export type ReconcileArgs = { company: string, 
/** `YYYY-MM-DD`; None: the whole period that was checked. */
from_day: string | null, to_day: string | null, };
export type ReconcileLineView = { title: string, processor: MoneyView | null, books: MoneyView | null, explained_by: string | null, };
export type ReconcileRowView = { day: string, account: string, role: string, processor: MoneyView | null, books: MoneyView, difference: MoneyView, 
/** What explains the difference, or the lines on both sides. */
lines: Array<ReconcileLineView>, };
export type ReconcileView = { company: string, company_name: string, zone: string, from_day: string | null, to_day: string | null, verdict: VerdictView, remainder: MoneyView | null, doubled: number, lost: number, checked: number, rows: Array<ReconcileRowView>, payouts: Array<TieOutView>, held: Array<HeldView>, 
/** Held movements that a person has answered, newest first. */
answered: Array<AnsweredView>, 
/** The watch period, for the chart; empty without one. */
watch: Array<WatchDayView>, when: string | null, problem: ProblemView | null, };
export type ReconnectPasteArgs = { company: string, connection: string, 
/** The whole address from the browser's address line. */
address: string, };
export type ReconnectStartArgs = { company: string, connection: string, 
/** False: show what will be asked and why. True: open the browser. */
open_browser: boolean, };
export type ReconnectStep = "why" | "browser" | "same_company" | "done";
export type ReconnectView = { company: string, connection: string, provider: string, provider_name: string, step: ReconnectStep, 
/** The application or key that is needed, how it is made, and whether it is there. */
entry: EntryView, 
/** What was entered is being proved at the provider. */
proving: boolean, permissions: Array<PermissionView>, 
/** The provider's page, for a browser that did not open by itself. Holds no secret. */
address: string | null, browser_opened: boolean, started: string | null, deadline: string | null, expected_company: string | null, found_company: string | null, found_masked_id: string | null, 
/** Why the browser did not open by itself; the sign-in goes on waiting. */
browser_problem: ProblemView | null, 
/** Why the pasted address could not be used; the sign-in goes on waiting. */
paste_problem: ProblemView | null, 
/** First sign-in: there is no earlier company to compare with. */
first_time: boolean, old_access_kept: boolean, problem: ProblemView | null, };
export type RecoveryKitArgs = { company: string, 
/** The file to write: a page to print where its name ends in ".pdf", else a text. */
path: string, 
/** The one from before was lost: nothing counts until the new one is confirmed, and then the codes from before end. */
lost: boolean, };
export type RecoveryKitView = { file: string, 
/** A short check text of the key, so that a person can tell two kits apart. Not the key. */
fingerprint: string, };
export type RestoreMomentsArgs = { 
/** None on a fresh computer. */
company: string | null, 
/** On a fresh computer: the folder of the backups and the file of the recovery kit. */
place: string | null, recovery_key_file: string | null, };
export type RestoreMomentsView = { company: string | null, 
/** In which days are shown; UTC on a fresh computer. */
zone: string, 
/** Newest first. */
moments: Array<MomentView>, 
/** The last restore in place, while it can be taken back. */
undo: UndoView | null, job: JobView | null, problem: ProblemView | null, };
export type RestorePreviewArgs = { 
/** None on a fresh computer. */
company: string | null, 
/** None: the newest one. */
backup: string | null, 
/** On a fresh computer: the folder of the repository and the file of the recovery kit. */
place: string | null, recovery_key_file: string | null, };
export type RestoreProofView = { 
/** The restored book, or the folder where there is none in what was restored. */
file: string, 
/** Everything, or a part: then nothing is proved of the rest. */
whole: boolean, 
/** The book was opened and every total compared. */
book: boolean, files: number, bytes: string, entries: number, accounts_equal: number, accounts: number, lost: Array<LostView>, older: OlderView | null, in_place: PutInPlaceView | null, seconds: number, };
export type RestoreStartArgs = { company: string | null, backup: string, place: string | null, recovery_key_file: string | null, 
/** The folder to restore into, empty or not there yet. None: in place of the present book. */
target: string | null, 
/** Nothing: everything. Else "book", "settings", or the paths of files. Only into a folder. */
only: Array<string>, 
/** In place: put the settings back too. */
settings: boolean, };
export type RestoreState = { "kind": "preview" } | { "kind": "working", job: JobView, } | { "kind": "done", proof: RestoreProofView, } | { "kind": "failed", problem: ProblemView, };
export type RestoreView = { company: string | null, backup: string, taken: string, zone: string, company_name: string, inside: InsideView, 
/** None on a fresh computer: there are no books to compare with. */
against_today: SinceView | null, 
/** Why today could not be compared: the present books cannot be read. */
not_compared: ProblemView | null, 
/** The files of the backup, for choosing one; the first of many. */
files: Array<InsideFileView>, 
/** Why its book cannot be put in place now; None where it can. Never possible on a fresh computer. */
not_in_place: ProblemView | null, target: string | null, state: RestoreState, };
export type RetryView = { "kind": "never" } | { "kind": "later", after_seconds: number, } | { "kind": "after_fix" };
export type RoleChoice = { role: string, 
/** The account's id. */
account: string, };
export type RoleProposalView = { role: string, 
/** Which connector versions need it; empty means optional. */
needed_by: Array<string>, 
/** The proposed account's id. */
account: string | null, reasons: Array<string>, sure: boolean, 
/** Ids of accounts whose kind fits the role. */
fitting: Array<string>, };
export type RoleRowView = { 
/** The ledger's role name, such as `processing_fees`. */
role: string, account: string | null, 
/** Needed by the new version and not by the old. */
new: boolean, problem: string | null, };
export type RunView = { id: string, company: string, company_name: string, connection: string, provider: string, from: string, to: string, zone: string, now: string, started: string, mode: ModeView, owner: StreamOwner, steps: Array<StepView>, card: StageCardView, gate: GateView | null, stop_here: StopHereView, sample: SampleView | null, job: JobView | null, 
/** Newest first, a handful. */
log: Array<LogLineView>, log_records: number, chain_good: boolean | null, watch: WatchView | null, differences: DifferenceCountsView, may: MayView, 
/** Set once the upgrade was rolled back: what the way back did, proved. */
back: BackView | null, problem: ProblemView | null, };
export type SampleRowView = { account: string, old: MoneyView | null, new: MoneyView | null, expected: boolean, };
export type SampleView = { title: string, day: string, rows: Array<SampleRowView>, };
export type ScheduleSetArgs = { company: string, daily: boolean, 
/** "21:00". */
at: string, on_change: boolean, };
export type ScheduleState = "off" | "first" | "waiting" | "due" | "practice";
export type ScheduleTimerArgs = { company: string, on: boolean, };
export type ScheduleView = { daily: boolean, 
/** "21:00", by the business's own clock. */
at: string, on_change: boolean, 
/** After so many days without one, a backup is also proved by restoring it. */
prove_every_days: number, state: ScheduleState, next: string | null, timer: TimerState, 
/** The last one that was due could not be taken. */
missed: MissedView | null, };
export type SecretText = string;
export type SecretsChangeArgs = { old: SecretText, new: SecretText, };
export type SecretsChooseArgs = { place: SecretsPlace, 
/** Opens the vault, or sets it up where there is none. */
passphrase: SecretText | null, 
/** The present place cannot be opened any more: its key stays there, and what it sealed waits for a new sign-in. */
leave_old_key: boolean, };
export type SecretsOpenArgs = { passphrase: SecretText, };
export type SecretsPlace = "keychain" | "passphrase" | "session_only";
export type SecretsView = { place: SecretsPlace, 
/** How that place is. */
state: KeychainView, 
/** A passphrase vault exists, so its passphrase is known to somebody. */
vault_exists: boolean, 
/** Characters that a new passphrase needs at least. */
shortest: number, 
/** Earlier places that still hold a copy of the key. */
old_copy_remains: boolean, 
/** What could not be erased at the place before; the change itself is done. */
left: ProblemView | null, };
export type SettingSinceView = { what: string, became: BecameView, then: string | null, today: string | null, };
export type SettingsView = { version: string, home: string, log_records: number, licence: string, 
/** Packages of the catalogue: "square 1", "square 2". */
packages: Array<PackageView>, };
export type SignedView = { record: number, 
/** When that record was written. */
at: string, };
export type SinceView = { accounts_count: CountsView, accounts: Array<AccountSinceView>, entries_count: CountsView, entries: Array<EntrySinceView>, 
/** Sums of all entries added, and of all that are gone, one per currency. */
added: Array<MoneyView>, gone: Array<MoneyView>, settings: Array<SettingSinceView>, files_count: CountsView, files: Array<FileSinceView>, };
export type StageCardView = { stage: StageName, payments: number | null, amount: MoneyView | null, from_day: string | null, to_day: string | null, entries_posted: number, entries_removed: number, checks: Array<CheckView>, };
export type StageName = "plan" | "preflight" | "backup" | "restore_proved" | "rehearsal" | "reconnect" | "shadow_run" | "canary" | "wave_one" | "wave_two" | "cut_over" | "validate" | "reconcile" | "watch" | "finish";
export type StepState = "done" | "now" | "failed" | "next" | "undone";
export type StepView = { stage: StageName, state: StepState, note: NoteView | null, };
export type StopHereView = { entries_removed: number, entries_put_back: number, amount: MoneyView | null, books_touched: boolean, };
export type StoryView = { id: string, title: string, text: string, ends_well: boolean, };
export type StreamOwner = "old" | "fenced" | "new";
export type TieOutView = { day: string, masked_id: string, amount: MoneyView, fee: MoneyView, sum_of_entries: MoneyView, difference: MoneyView, movements: number, in_books: boolean, returned: boolean, };
export type TimerState = { "state": "on" } | { "state": "off" } | { "state": "unavailable", problem: ProblemView, };
export type TodayView = { company: string, company_name: string, 
/** Now, RFC 3339 (the practice clock in a practice company). */
now: string, zone: string, 
/** Nearest deadline first. */
needs: Array<NeedView>, flows: Array<FlowView>, backup: BackupTile, agreement: AgreementTile, watch: WatchTile, };
export type TouchedView = "nothing" | "settings_only" | "books" | "unknown";
export type UndoView = { at: string, until: string, 
/** The backup of the book as it was before. */
safety_backup: string, };
export type UnverifiedView = { fact: string, 
/** Why it counts as unconfirmed. */
source: string, };
export type UpgradeApproveArgs = { company: string, upgrade: string, 
/** Who says yes: the gate's `who`. */
who: string, 
/** The gate's digest: the yes holds for exactly this state. */
digest: string, };
export type UpgradeArgs = { company: string, upgrade: string, };
export type UpgradeIdleView = { connection: string, provider: string, version: string, 
/** The version that it can move to. */
available: string | null, 
/** The last upgrade of this connection that ended, and how. */
last: EndedUpgradeView | null, };
export type UpgradePlanArgs = { company: string, connection: string, to: string, };
export type UpgradeView = { "kind": "none", company: string, company_name: string, connections: Array<UpgradeIdleView>, } | { "kind": "plan", plan: PlanView, } | { "kind": "run", run: RunView, };
export type VerdictView = "pass" | "fail" | "inconclusive" | "not_applicable" | "expected" | "pending";
export type WaitingFor = { "kind": "sign_off", who: string, } | { "kind": "reconnect", connection: string, } | { "kind": "next_day" } | { "kind": "person", what: string, };
export type WatchDayView = { day: string, payments: number, remainder: MoneyView, held: number, verdict: VerdictView, };
export type WatchTile = { "state": "none", last_sync: string | null, posted: number, } | { "state": "watching", upgrade: string, provider: string, version: string, day: number, of: number, checked: number, surprises: number, } | { "state": "running", upgrade: string, provider: string, from: string, to: string, stage: StageName, };
export type WatchView = { day: number, of: number, ends: string, days: Array<WatchDayView>, };
export type Work = "make_practice" | "sync" | "backup" | "verify_backup" | "restore" | "upgrade" | "roll_back" | "verify_log" | "reconcile";

/** What each command takes and answers. */
export interface Commands {
  app_view: { args: NoArgs; answer: AppView };
  company_select: { args: CompanyArgs; answer: AppView };
  today_view: { args: CompanyArgs; answer: TodayView };
  accounts_view: { args: CompanyArgs; answer: AccountsView };
  reconnect_start: { args: ReconnectStartArgs; answer: ReconnectView };
  reconnect_view: { args: ConnectionArgs; answer: ReconnectView };
  reconnect_cancel: { args: ConnectionArgs; answer: AccountsView };
  reconnect_paste: { args: ReconnectPasteArgs; answer: ReconnectView };
  disconnect: { args: ConnectionArgs; answer: AccountsView };
  account_add: { args: AccountAddArgs; answer: AccountsView };
  account_remove: { args: ConnectionArgs; answer: AccountsView };
  account_application: { args: AccountApplicationArgs; answer: ReconnectView };
  account_key: { args: AccountKeyArgs; answer: ReconnectView };
  calendar_view: { args: CalendarArgs; answer: CalendarView };
  calendar_export: { args: CalendarExportArgs; answer: CalendarExportView };
  calendar_due: { args: NoArgs; answer: CalendarDueView };
  calendar_told: { args: CalendarToldArgs; answer: DoneView };
  upgrade_view: { args: CompanyArgs; answer: UpgradeView };
  upgrade_plan: { args: UpgradePlanArgs; answer: UpgradeView };
  upgrade_start: { args: UpgradePlanArgs; answer: UpgradeView };
  upgrade_approve: { args: UpgradeApproveArgs; answer: UpgradeView };
  upgrade_pause: { args: UpgradeArgs; answer: UpgradeView };
  upgrade_resume: { args: UpgradeArgs; answer: UpgradeView };
  upgrade_stop: { args: UpgradeArgs; answer: UpgradeView };
  upgrade_rollback: { args: UpgradeArgs; answer: UpgradeView };
  upgrade_next_day: { args: UpgradeArgs; answer: UpgradeView };
  upgrade_dismiss: { args: UpgradeArgs; answer: UpgradeView };
  upgrade_finish: { args: UpgradeArgs; answer: UpgradeView };
  differences_view: { args: DifferencesArgs; answer: DifferencesView };
  backups_view: { args: CompanyArgs; answer: BackupsView };
  backup_now: { args: CompanyArgs; answer: JobView };
  backup_verify: { args: BackupArgs; answer: JobView };
  backup_schedule_set: { args: ScheduleSetArgs; answer: BackupsView };
  backup_timer: { args: ScheduleTimerArgs; answer: BackupsView };
  restore_moments: { args: RestoreMomentsArgs; answer: RestoreMomentsView };
  restore_preview: { args: RestorePreviewArgs; answer: RestoreView };
  restore_start: { args: RestoreStartArgs; answer: RestoreView };
  restore_undo: { args: CompanyArgs; answer: RestoreMomentsView };
  recovery_kit: { args: RecoveryKitArgs; answer: RecoveryKitView };
  kit_confirm_group: { args: KitGroupArgs; answer: BackupsView };
  kit_confirm_file: { args: KitFileArgs; answer: BackupsView };
  reconcile_view: { args: ReconcileArgs; answer: ReconcileView };
  hold_view: { args: HoldArgs; answer: HoldView };
  hold_resolve: { args: HoldResolveArgs; answer: ReconcileView };
  sync_now: { args: CompanyArgs; answer: JobView };
  log_view: { args: LogArgs; answer: LogView };
  log_verify: { args: NoArgs; answer: LogView };
  practice_view: { args: NoArgs; answer: PracticeView };
  practice_new: { args: PracticeNewArgs; answer: JobView };
  books_inspect: { args: PathArgs; answer: CompanyAddView };
  company_add: { args: CompanyAddArgs; answer: CompanyAddedView };
  company_protect: { args: CompanyProtectArgs; answer: CompanyAddedView };
  settings_view: { args: NoArgs; answer: SettingsView };
  secrets_view: { args: NoArgs; answer: SecretsView };
  secrets_choose: { args: SecretsChooseArgs; answer: SecretsView };
  secrets_open: { args: SecretsOpenArgs; answer: SecretsView };
  secrets_change_passphrase: { args: SecretsChangeArgs; answer: SecretsView };
  job_view: { args: JobArgs; answer: JobView };
  job_cancel: { args: JobArgs; answer: JobView };
  books_pick: { args: NoArgs; answer: PickedView };
  folder_pick: { args: NoArgs; answer: PickedView };
  kit_pick: { args: NoArgs; answer: PickedView };
  kit_save_as: { args: NoArgs; answer: PickedView };
  calendar_save_as: { args: NoArgs; answer: PickedView };
  notify: { args: NotifyArgs; answer: DoneView };
  window_ready: { args: NoArgs; answer: DoneView };
}

/** Every command with whether it writes, in table order. */
export const commandRows = [
  { name: "app_view", writes: false, words: "Show the companies" },
  { name: "company_select", writes: true, words: "Switch company" },
  { name: "today_view", writes: false, words: "Go to Today" },
  { name: "accounts_view", writes: false, words: "Go to Accounts" },
  { name: "reconnect_start", writes: true, words: "Reconnect an account" },
  { name: "reconnect_view", writes: false, words: "Show the reconnect" },
  { name: "reconnect_cancel", writes: true, words: "Cancel the reconnect" },
  { name: "reconnect_paste", writes: true, words: "Paste the address from the browser" },
  { name: "disconnect", writes: true, words: "Disconnect an account" },
  { name: "account_add", writes: true, words: "Add an account" },
  { name: "account_remove", writes: true, words: "Remove an account" },
  { name: "account_application", writes: true, words: "Set up your own application" },
  { name: "account_key", writes: true, words: "Enter a key" },
  { name: "calendar_view", writes: false, words: "Show what ends, and when" },
  { name: "calendar_export", writes: true, words: "Write what ends into a calendar file" },
  { name: "calendar_due", writes: false, words: "Look what has to be told now" },
  { name: "calendar_told", writes: true, words: "Remember that an end was told" },
  { name: "upgrade_view", writes: false, words: "Go to Upgrades" },
  { name: "upgrade_plan", writes: false, words: "Plan an upgrade" },
  { name: "upgrade_start", writes: true, words: "Start the upgrade" },
  { name: "upgrade_approve", writes: true, words: "Approve the next stage" },
  { name: "upgrade_pause", writes: true, words: "Pause the upgrade" },
  { name: "upgrade_resume", writes: true, words: "Go on with the upgrade" },
  { name: "upgrade_stop", writes: true, words: "Stop the upgrade here" },
  { name: "upgrade_rollback", writes: true, words: "Roll the upgrade back" },
  { name: "upgrade_next_day", writes: true, words: "Let a practice day pass" },
  { name: "upgrade_dismiss", writes: true, words: "Close the page of an upgrade that was rolled back" },
  { name: "upgrade_finish", writes: true, words: "Finish the upgrade" },
  { name: "differences_view", writes: false, words: "Show what changes" },
  { name: "backups_view", writes: false, words: "Go to Backups" },
  { name: "backup_now", writes: true, words: "Back up now" },
  { name: "backup_verify", writes: true, words: "Prove a backup by restoring it" },
  { name: "backup_schedule_set", writes: true, words: "Change when backups are taken" },
  { name: "backup_timer", writes: true, words: "Let backups be taken with the window closed" },
  { name: "restore_moments", writes: false, words: "Pick a moment to restore" },
  { name: "restore_preview", writes: false, words: "Look inside a backup" },
  { name: "restore_start", writes: true, words: "Restore a backup" },
  { name: "restore_undo", writes: true, words: "Take the last restore back" },
  { name: "recovery_kit", writes: true, words: "Write the recovery kit" },
  { name: "kit_confirm_group", writes: true, words: "Show that the recovery kit was kept" },
  { name: "kit_confirm_file", writes: true, words: "Read the recovery kit back" },
  { name: "reconcile_view", writes: false, words: "Go to Reconcile" },
  { name: "hold_view", writes: false, words: "Look at a held payment" },
  { name: "hold_resolve", writes: true, words: "Decide about a held payment" },
  { name: "sync_now", writes: true, words: "Fetch and post new payments" },
  { name: "log_view", writes: false, words: "Go to the log" },
  { name: "log_verify", writes: false, words: "Check the log for changes" },
  { name: "practice_view", writes: false, words: "Go to Practice" },
  { name: "practice_new", writes: true, words: "Make a practice company" },
  { name: "books_inspect", writes: false, words: "Look at a books file" },
  { name: "company_add", writes: true, words: "Add a company" },
  { name: "company_protect", writes: true, words: "Protect books" },
  { name: "settings_view", writes: false, words: "Go to Settings" },
  { name: "secrets_view", writes: false, words: "Show where secrets are kept" },
  { name: "secrets_choose", writes: true, words: "Choose where secrets are kept" },
  { name: "secrets_open", writes: true, words: "Open the passphrase vault" },
  { name: "secrets_change_passphrase", writes: true, words: "Change the passphrase" },
  { name: "job_view", writes: false, words: "Show running work" },
  { name: "job_cancel", writes: true, words: "Cancel running work" },
  { name: "books_pick", writes: false, words: "Choose a books file" },
  { name: "folder_pick", writes: false, words: "Choose a folder" },
  { name: "kit_pick", writes: false, words: "Choose the recovery kit's file" },
  { name: "kit_save_as", writes: false, words: "Choose where the recovery kit is written" },
  { name: "calendar_save_as", writes: false, words: "Choose where the calendar file is written" },
  { name: "notify", writes: false, words: "Tell the person that long work has ended" },
  { name: "window_ready", writes: false, words: "Say that the window shows" },
] as const;
