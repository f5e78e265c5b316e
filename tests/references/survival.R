# Writes survival.json: results of R packages for survival analyses that neither stats/, tcga_cesc/ nor r.json contain.
#
#   Rscript tests/references/survival.R tests/references tests/references/survival.json
#
# R and these packages are needed only to write the file anew; the tests read it. Debian: r-cran-survival r-cran-hmisc
# r-cran-mice r-cran-mitml r-cran-cmprsk r-cran-jsonlite.

suppressMessages({library(survival); library(Hmisc); library(mice); library(cmprsk); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
lung <- read.csv(file.path(folder, "stats", "lung.csv"))
lung <- lung[!is.na(lung$ph.ecog), ]
tcga <- read.csv(file.path(folder, "tcga_cesc", "tcga_cesc_dev.csv"))
tcga <- tcga[!is.na(tcga$PFI) & !is.na(tcga$PFI.time) & !is.na(tcga$grade) & tcga$grade %in% c("g1", "g2", "g3"), ]
exact <- coxph.control(eps = 1e-10, toler.chol = 1e-14)

# Log-rank tests
tested <- function(formula) {
  found <- survdiff(formula, lung)
  list(chi2 = found$chisq, p = pchisq(found$chisq, length(found$n) - 1, lower.tail = FALSE))
}

# Cox models: strata, and a factor tested as one
rows <- function(model) list(coef = unname(coef(model)), se = unname(sqrt(diag(vcov(model)))), loglik = model$loglik)
stratified <- coxph(Surv(time, event) ~ age + sex + strata(ph.ecog), lung, control = exact)
dropped <- drop1(coxph(Surv(time, event) ~ age + sex + factor(ph.ecog), lung, control = exact), test = "Chisq")
proportional <- cox.zph(coxph(Surv(time, event) ~ age + factor(ph.ecog), lung, control = exact))$table
knots <- quantile(lung$age, c(0.05, 0.35, 0.65, 0.95))
spline <- coxph(Surv(time, event) ~ rcspline.eval(age, knots, inclx = TRUE), lung, control = exact)
spline_test <- summary(spline)$logtest

# Several coefficients after multiple imputation
set.seed(1)
filled <- mice(data.frame(y = lung$time, age = lung$age, loss = lung$wt.loss, cal = lung$meal.cal), m = 8, printFlag = FALSE)
larger <- with(filled, lm(y ~ age + loss + cal))
joint <- D1(larger, with(filled, lm(y ~ age)), dfcom = 1e12)
kept <- c("loss", "cal")
pooled <- list(
  estimates = t(sapply(larger$analyses, function(model) unname(coef(model)[kept]))),
  covariances = lapply(larger$analyses, function(model) unname(vcov(model)[kept, kept])),
  f = unname(joint$result[1, "F.value"]), df1 = unname(joint$result[1, "df1"]), df2 = unname(joint$result[1, "df2"]),
  p = unname(joint$result[1, "P(>F)"]))

# Calibration of predicted survival: a Cox model of age from the first 120 patients, tested on the others, who are censored at the horizon
development <- lung[1:120, ]
external <- lung[-(1:120), ]
fitted <- coxph(Surv(time, event) ~ age, development, control = exact)
horizon <- 365
base <- survfit(fitted, newdata = data.frame(age = 0), ctype = 1)
hazard <- base$cumhaz[findInterval(horizon, base$time)]
risk <- 1 - exp(-hazard * exp(coef(fitted) * external$age))
observed <- summary(survfit(Surv(time, event) ~ 1, external), times = horizon)
external$predictor <- coef(fitted) * external$age
external$event <- ifelse(external$time <= horizon, external$event, 0)
external$time <- pmin(external$time, horizon)
slope <- coxph(Surv(time, event) ~ predictor, external, control = exact)
external$cll <- log(-log(1 - risk))
knots3 <- quantile(external$cll, c(0.1, 0.5, 0.9))
basis <- rcspline.eval(external$cll, knots3, inclx = TRUE)
external$first <- basis[, 1]
external$second <- basis[, 2]
flexible <- coxph(Surv(time, event) ~ first + second, external, control = exact)
at <- c(50, 60, 70, 75)
at_cll <- log(hazard) + coef(fitted) * at
at_basis <- rcspline.eval(at_cll, knots3, inclx = TRUE)
curve <- survfit(flexible, newdata = data.frame(first = at_basis[, 1], second = at_basis[, 2]), ctype = 1)
place <- findInterval(horizon, curve$time)
everybody <- survfit(flexible, newdata = data.frame(first = external$first, second = external$second), ctype = 1)
distance <- abs((1 - everybody$surv[place, ]) - risk)

# Competing events: progression, and death without it
kind <- with(tcga, ifelse(PFI == 1, 1, ifelse(OS == 1, 2, 0)))
untied <- tcga$PFI.time + 1e-4 * seq_len(nrow(tcga))  # crr counts a censoring at the time of an event before it
advanced <- as.numeric(grepl("stage (iv|iii|ii)", tcga$figo_stage))
crr_rows <- function(columns) {
  model <- crr(untied, kind, columns, gtol = 1e-10, maxiter = 50)
  list(coef = unname(model$coef), se = unname(sqrt(diag(model$var))))
}
weighted <- finegray(Surv(PFI.time, factor(kind)) ~ ., data.frame(PFI.time = tcga$PFI.time, kind = kind, age = tcga$age), etype = "1")
tied <- coxph(Surv(fgstart, fgstop, fgstatus) ~ age, weighted, weights = fgwt, ties = "breslow", control = exact)
gray <- function(group) {
  found <- cuminc(tcga$PFI.time, kind, group)$Tests
  list(chi2 = unname(found["1", "stat"]), p = unname(found["1", "pv"]), competing = unname(found["2", "stat"]))
}

packages <- c("survival", "Hmisc", "mice", "cmprsk")
result <- list(
  versions = c(list(R = R.version.string), sapply(packages, function(p) as.character(packageVersion(p)), simplify = FALSE)),
  log_rank = list(several = tested(Surv(time, event) ~ ph.ecog), stratified = tested(Surv(time, event) ~ sex + strata(ph.ecog)),
    several_stratified = tested(Surv(time, event) ~ ph.ecog + strata(sex))),
  stratified = rows(stratified),
  terms = list(chi2 = dropped$LRT[-1], df = dropped$Df[-1], p = dropped$`Pr(>Chi)`[-1]),
  proportional = list(chi2 = unname(proportional[, 1]), df = unname(proportional[, 2]), p = unname(proportional[, 3])),
  spline = list(chi2 = unname(spline_test["test"]), p = unname(spline_test["pvalue"])),
  pooled = pooled,
  calibration = list(horizon = horizon, hazard = hazard, coef = unname(coef(fitted)), observed = 1 - observed$surv,
    observed_se = observed$std.err, expected = mean(risk), slope = unname(coef(slope)), slope_se = sqrt(vcov(slope)[1, 1]),
    at = at, predicted = 1 - exp(-exp(at_cll)), curve = 1 - curve$surv[place, ], cumulative_hazard_se = curve$std.err[place, ],
    cumulative_hazard = curve$cumhaz[place, ], ici = mean(distance), e50 = unname(quantile(distance, 0.5)), e90 = unname(quantile(distance, 0.9))),
  fine_gray = list(age = crr_rows(tcga$age), both = crr_rows(cbind(tcga$age, advanced)), tied = list(coef = unname(coef(tied)))),
  gray = list(two = gray(advanced), several = gray(tcga$grade))
)
write(toJSON(result, digits = NA, auto_unbox = TRUE, pretty = TRUE), arguments[2])
