// Why a backup was taken, in a few words.

import type { BackupReason } from "../host/types";
import { t } from "../words";

export function reason(why: BackupReason): string {
  switch (why.kind) {
    case "before_upgrade":
      return t("backups.reason.before_upgrade", why);
    case "before_stage":
      return t("backups.reason.before_stage", { stage: t(`stage.${why.stage}`) });
    case "by_hand":
    case "daily":
    case "after_change":
    case "monthly":
    case "before_restore":
      return t(`backups.reason.${why.kind}`);
  }
}
