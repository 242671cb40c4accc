// SPDX-License-Identifier: GPL-2.0
// Result<T>: a value, or the errno that kept it from being made, with the words that name it.
//
// Nothing here throws and nothing here allocates on the success path, so it can be used in the preloaded
// library. Error context is a std::string because it is only built when something has already gone wrong.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace alp {

/// Why an operation failed. `code` is a positive errno value; `context` is one line for a person: what was
/// being done, to what, and, where known, how to mend it.
struct Error {
    int code;
    std::string context;

    /// "context: strerror(code)".
    [[nodiscard]] std::string message() const {
        const char* text = ::strerrordesc_np(code);
        return context + ": " + (text != nullptr ? text : "unknown error");
    }
};

/// A value of type T or an Error. Test with ok() before value() or error().
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    [[nodiscard]] T& value() & { return *std::get_if<0>(&state_); }
    [[nodiscard]] const T& value() const& { return *std::get_if<0>(&state_); }
    [[nodiscard]] T&& value() && { return std::move(*std::get_if<0>(&state_)); }
    [[nodiscard]] const Error& error() const { return *std::get_if<1>(&state_); }

private:
    std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Error error) : error_(std::move(error)) {}

    [[nodiscard]] bool ok() const { return !error_.has_value(); }
    explicit operator bool() const { return ok(); }
    [[nodiscard]] const Error& error() const { return *error_; }

private:
    std::optional<Error> error_;
};

}  // namespace alp
